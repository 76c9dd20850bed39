// Something that is loaded: what is shown meanwhile, and when it fails.

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "../api/request.ts";

export interface Loaded<T> {
  value: T | null;
  error: ApiError | null;
  isLoading: boolean;
  again(): void;
}

/** Loads, again whenever one of these changes. What was there before stays while the same is loaded again. */
export function useLoad<T>(load: (signal: AbortSignal) => Promise<T>, on: readonly unknown[], keeps: string): Loaded<T> {
  const [state, setState] = useState<{ of: string; value: T | null; error: ApiError | null; isLoading: boolean }>({
    of: keeps,
    value: null,
    error: null,
    isLoading: true,
  });
  const [turn, setTurn] = useState(0);
  const latest = useRef(load);
  latest.current = load;
  useEffect(() => {
    const stop = new AbortController();
    setState((before) => ({ ...before, value: before.of === keeps ? before.value : null, of: keeps, isLoading: true }));
    latest.current(stop.signal).then(
      (value) => !stop.signal.aborted && setState({ of: keeps, value, error: null, isLoading: false }),
      (error: unknown) => {
        if (stop.signal.aborted) return;
        const told = error instanceof ApiError ? error : new ApiError(0, String(error));
        setState((before) => ({ ...before, error: told, isLoading: false }));
      },
    );
    return () => stop.abort();
  }, [keeps, turn, ...on]);
  const again = useCallback(() => setTurn((before) => before + 1), []);
  const isOther = state.of !== keeps;
  return { value: isOther ? null : state.value, error: isOther ? null : state.error, isLoading: isOther || state.isLoading, again };
}
