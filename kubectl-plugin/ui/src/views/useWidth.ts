// How wide the page is.

import { signal } from "@preact/signals";

const width = signal(innerWidth);
addEventListener("resize", () => (width.value = innerWidth));

export function useWidth(): number {
  return width.value;
}

/** Whether there is no room for columns. */
export function useNarrow(): boolean {
  return width.value < 760;
}
