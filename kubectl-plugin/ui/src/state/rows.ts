// All Applications that may be seen, in short, as they are now: pages first, then each change.

import { signal } from "@preact/signals";
import { api } from "../api/paths.ts";
import { ApiError, get } from "../api/request.ts";
import { follow } from "../api/stream.ts";
import type { Row, RowEvent, Rows } from "../api/types.ts";

const FIRST_PAGE = 200;
const PAGE = 1000;

/** By namespace and name. Changed in place; `version` says when. */
export const rows = new Map<string, Row>();
export const version = signal(0);
/** How many there are, as the server says. */
export const total = signal(0);
export const state = signal<{ is: "loading" | "ready" | "failed"; error: ApiError | null }>({ is: "loading", error: null });
/** Since when nothing is heard; 0 while all is. */
export const lostSince = signal(0);
/** Those that changed a moment ago. */
export const fresh = new Set<string>();

let end: (() => void) | null = null;
let frame = 0;

export function rowId({ namespace, name }: { namespace: string; name: string }): string {
  return `${namespace}/${name}`;
}

/** Begins to follow, once. */
export function start(): void {
  if (end) return;
  const stop = new AbortController();
  end = () => stop.abort();
  void load(stop.signal);
}

export function stop(): void {
  end?.();
  end = null;
  rows.clear();
  state.value = { is: "loading", error: null };
  lostSince.value = 0;
  version.value += 1;
}

export function restart(): void {
  stop();
  start();
}

async function load(signal: AbortSignal): Promise<void> {
  let from = "";
  try {
    for (let next = "", page = FIRST_PAGE; ; page = PAGE) {
      const told = await get<Rows>(api.rows, { limit: page, continue: next }, signal);
      // What comes after the first page may have changed since, so changes are heard from before it.
      from ||= told.at;
      total.value = told.total;
      for (const row of told.applications) rows.set(rowId(row), row);
      next = told.continue;
      version.value += 1;
      if (!next) break;
    }
  } catch (error) {
    if (signal.aborted) return;
    state.value = { is: "failed", error: error instanceof ApiError ? error : new ApiError(0, String(error)) };
    return;
  }
  if (signal.aborted) return;
  state.value = { is: "ready", error: null };
  const epoch = (id: string) => id.slice(0, id.lastIndexOf("-"));
  const isOther = (id: string) => id !== "" && epoch(id) !== epoch(from);
  const unfollow = follow<RowEvent>(address(), {
    from,
    beats: true,
    open: () => (lostSince.value = 0),
    lost: () => (lostSince.value ||= Date.now()),
    refused: (error) => error.status !== 401 && (state.value = { is: "failed", error }),
    event: (event, id) => (isOther(id) ? restart() : take(event)),
    mark: (id) => isOther(id) && restart(),
  });
  signal.addEventListener("abort", unfollow);
}

function address(): string {
  return api.rowEvents;
}

function take({ type, application }: RowEvent): void {
  const id = rowId(application);
  const before = rows.get(id);
  if (type === "DELETED") rows.delete(id);
  else rows.set(id, application);
  if (before && type === "MODIFIED") {
    fresh.add(id);
    setTimeout(() => fresh.delete(id) && (version.value += 1), 1600);
  }
  // Many changes are drawn at once.
  frame ||= requestAnimationFrame(() => {
    frame = 0;
    total.value = rows.size;
    version.value += 1;
  });
}
