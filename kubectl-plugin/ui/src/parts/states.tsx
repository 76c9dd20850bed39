// What is shown where there is nothing else to show: loading, empty, refused, failed.

import type { ComponentChildren } from "preact";
import type { ApiError } from "../api/request.ts";
import type { Loaded } from "../state/load.ts";
import { T } from "../texts.ts";
import { Button } from "./small.tsx";
import { Mark } from "./icon.tsx";

/** Grey lines in the place of what is loaded. They appear only where that takes a moment. */
export function Skeleton({ lines = 8 }: { lines?: number }) {
  return (
    <div class="skeleton" role="status" aria-label={T.state.loading}>
      {Array.from({ length: lines }, (_, at) => (
        <i key={at} class={`w${(at * 7) % 5}`} />
      ))}
    </div>
  );
}

export function Empty({ title, children, action }: { title: string; children?: ComponentChildren; action?: ComponentChildren }) {
  return (
    <div class="empty">
      <h2>{title}</h2>
      {children && <div class="about">{children}</div>}
      {action}
    </div>
  );
}

/** Why something is not shown. `verb` and `what` say which right it needs. */
export function Failed({ error, verb, what, again }: { error: ApiError; verb: string; what: string; again?: () => void }) {
  const [title, text] =
    error.status === 403
      ? [T.state.forbidden, T.state.forbiddenWhat(verb, what)]
      : error.status === 404
        ? [T.state.notFound, T.state.notFoundWhat]
        : error.status === 501
          ? [T.state.unserved, ""]
          : [T.state.failed, ""];
  return (
    <div class="empty" role="alert">
      <span class={`word ${error.status === 403 || error.status === 404 ? "idle" : "warn"}`}>
        <Mark shape={error.status === 403 ? "absent" : "alert"} size={22} />
      </span>
      <h2>{title}</h2>
      {text && <p class="about">{text}</p>}
      {error.message && error.status !== 404 && <pre class="told" tabIndex={0}>{error.message}</pre>}
      {again && error.status !== 403 && <Button onClick={again}>{T.state.retry}</Button>}
    </div>
  );
}

/** What was loaded, or why it is not there. */
export function Show<T>({ of, verb, what, lines, children }: { of: Loaded<T>; verb: string; what: string; lines?: number; children: (value: T) => ComponentChildren }) {
  if (of.value !== null) return <>{children(of.value)}</>;
  if (of.error) return <Failed error={of.error} verb={verb} what={what} again={of.again} />;
  return <Skeleton lines={lines ?? 8} />;
}
