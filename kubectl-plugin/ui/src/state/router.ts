// Where one is: the path and the query of the page, and how to go elsewhere.

import { signal } from "@preact/signals";

export interface Place {
  path: string;
  query: URLSearchParams;
}

function here(): Place {
  return { path: location.pathname, query: new URLSearchParams(location.search) };
}

export const place = signal<Place>(here());

export function go(to: string, replaces = false): void {
  if (to === location.pathname + location.search) return;
  history[replaces ? "replaceState" : "pushState"](null, "", to);
  const before = place.value.path;
  place.value = here();
  if (!replaces && before !== place.value.path) scrollTo(0, 0);
}

/** Changes values of the query; empty ones are left out. */
export function set(values: Record<string, string | string[] | null>, replaces = true): void {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(values)) {
    query.delete(name);
    for (const one of Array.isArray(value) ? value : [value]) if (one) query.append(name, one);
  }
  const text = query.toString();
  go(`${location.pathname}${text ? `?${text}` : ""}`, replaces);
}

/** Listens to the browser, and to links of this page. */
export function listen(): void {
  addEventListener("popstate", () => (place.value = here()));
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element).closest?.("a");
    if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
    // The server's own: it leads elsewhere.
    if (link.getAttribute("href")?.startsWith("#") || link.pathname.startsWith("/auth/")) return;
    event.preventDefault();
    go(link.pathname + link.search);
  });
}
