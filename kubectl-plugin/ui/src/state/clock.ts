// What time it is, often enough for times that are told as how long ago.

import { signal } from "@preact/signals";

export const now = signal(Date.now());
setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, 5000);
addEventListener("visibilitychange", () => (now.value = Date.now()));
