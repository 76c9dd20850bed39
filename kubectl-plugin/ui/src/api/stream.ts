// Streams: read as they come, begun again where they end.

import { SseReader } from "../pure/sse.ts";
import { ApiError, bearing, refusal } from "./request.ts";

/** A stream that says nothing for so long is gone: the server says something every 15 seconds. */
const SILENCE = 45_000;
/** Browsers have six connections to a server: a page that nobody sees gives its own back after a while. */
const HIDDEN = 30_000;
const SOONEST = 500;
const LATEST = 15_000;

export interface Follower<T> {
  /** Where it goes on; as the list said that it begins with. */
  from?: string;
  event(value: T, id: string): void;
  /** Where one goes on that has heard all so far. */
  mark?(id: string): void;
  open?(): void;
  /** It is lost, and begun again after a while. */
  lost?(error: ApiError): void;
  /** It is refused, and not begun again. */
  refused?(error: ApiError): void;
  /** It ended as it should, where `once` is wished. */
  ended?(): void;
  once?: boolean;
  /** Whether silence means that it is gone. */
  beats?: boolean;
}

/** Follows a stream until the function that it gives is called. */
export function follow<T>(where: string, follower: Follower<T>): () => void {
  const stop = new AbortController();
  let [last, wait] = [follower.from ?? "", SOONEST];
  const run = async () => {
    while (!stop.signal.aborted) {
      if (document.hidden) await shown(stop.signal);
      if (stop.signal.aborted) return;
      const error = await once<T>(where, last, stop.signal, {
        ...follower,
        open: () => {
          wait = SOONEST;
          follower.open?.();
        },
        event: (value, id) => {
          if (id) last = id;
          follower.event(value, id);
        },
        mark: (id) => {
          if (id) last = id;
          follower.mark?.(id);
        },
      });
      if (stop.signal.aborted) return;
      if (document.hidden) continue;
      if (!error && follower.once) return follower.ended?.();
      if (error && [400, 401, 403, 404, 501].includes(error.status)) return follower.refused?.(error);
      follower.lost?.(error ?? new ApiError(0, "the stream ended"));
      await new Promise((done) => setTimeout(done, wait * (0.75 + Math.random() / 2)));
      wait = Math.min(LATEST, wait * 2);
    }
  };
  void run();
  return () => stop.abort();
}

async function once<T>(where: string, last: string, signal: AbortSignal, follower: Follower<T>): Promise<ApiError | null> {
  const own = new AbortController();
  const end = () => own.abort();
  signal.addEventListener("abort", end);
  let [timer, hidden] = [0, 0];
  const look = () => {
    clearTimeout(hidden);
    if (document.hidden) hidden = window.setTimeout(end, HIDDEN);
  };
  document.addEventListener("visibilitychange", look);
  const beat = () => {
    clearTimeout(timer);
    if (follower.beats) timer = window.setTimeout(end, SILENCE);
  };
  try {
    const headers: Record<string, string> = { Accept: "text/event-stream", ...bearing() };
    if (last) headers["Last-Event-ID"] = last;
    beat();
    const answer = await fetch(where, { headers, credentials: "same-origin", signal: own.signal, cache: "no-store" });
    if (!answer.ok || !answer.body) return await refusal(answer);
    follower.open?.();
    const [reader, decoder, sse] = [answer.body.getReader(), new TextDecoder(), new SseReader()];
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return null;
      beat();
      for (const { id, data } of sse.take(decoder.decode(value, { stream: true }))) {
        if (data) follower.event(JSON.parse(data) as T, id);
        else follower.mark?.(id);
      }
    }
  } catch {
    return new ApiError(0, "the server does not answer");
  } finally {
    clearTimeout(timer);
    clearTimeout(hidden);
    document.removeEventListener("visibilitychange", look);
    signal.removeEventListener("abort", end);
  }
}

/** Waits until the page is seen again. */
function shown(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const look = () => {
      if (document.hidden && !signal.aborted) return;
      document.removeEventListener("visibilitychange", look);
      signal.removeEventListener("abort", look);
      done();
    };
    document.addEventListener("visibilitychange", look);
    signal.addEventListener("abort", look);
  });
}
