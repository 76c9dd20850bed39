// Keys that do something wherever one is. Pages say what theirs do.

import { signal } from "@preact/signals";
import { go } from "../state/router.ts";

export const isSearchOpen = signal(false);
export const isKeysOpen = signal(false);

/** What keys of the page do; the newest page counts. */
const pages: Record<string, () => void>[] = [];

/** Says what keys do as long as a page is there. To be called as a page is laid out, not later: the next key may come before the next picture. */
export function keysOfPage(keys: Record<string, () => void>): () => void {
  pages.push(keys);
  return () => void pages.splice(pages.indexOf(keys), 1);
}

function isTyping(target: EventTarget | null): boolean {
  const element = target as HTMLElement | null;
  return element?.matches?.("input, textarea, select, [contenteditable]") ?? false;
}

export function listenToKeys(): () => void {
  let isG = 0;
  const listen = (event: KeyboardEvent) => {
    if (event.key === "k" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      isSearchOpen.value = !isSearchOpen.value;
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || document.querySelector("dialog[open]")) return;
    const wasG = Date.now() - isG < 1200;
    isG = 0;
    if (event.key === "g") isG = Date.now();
    else if (wasG && event.key === "a") go("/applications");
    else if (wasG && event.key === "v") go("/activity");
    else if (event.key === "/") isSearchOpen.value = true;
    else if (event.key === "?") isKeysOpen.value = true;
    else {
      const does = pages.findLast((page) => event.key in page)?.[event.key];
      if (!does) return;
      does();
    }
    event.preventDefault();
  };
  addEventListener("keydown", listen);
  return () => removeEventListener("keydown", listen);
}
