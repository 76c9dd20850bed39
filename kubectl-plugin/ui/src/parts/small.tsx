// Small parts that stand everywhere: states in words, times, ids, buttons.

import type { ComponentChildren } from "preact";
import { ago, exact } from "../pure/time.ts";
import { look } from "../pure/words.ts";
import { now } from "../state/clock.ts";
import { tell } from "../state/told.ts";
import { T, word as said } from "../texts.ts";
import { Icon, Mark, type IconName } from "./icon.tsx";

/** A state: its shape, its colour, its word. */
export function Word({ word, text, quiet }: { word: string; text?: string; quiet?: boolean }) {
  const { tone, shape } = look(word);
  return (
    <span class={`word ${tone}${quiet && tone === "good" ? " quiet" : ""}`}>
      <Mark shape={shape} />
      <span>{text ?? said(word)}</span>
    </span>
  );
}

/** A time, as how long ago; the exact one on hover. */
export function Ago({ time, suffix }: { time: string | null | undefined; suffix?: boolean }) {
  if (!time) return null;
  const text = ago(time, now.value);
  return (
    <time dateTime={time} title={exact(time)}>
      {suffix ? T.state.ago(text) : text}
    </time>
  );
}

/** An id in short; the whole of it on hover. */
export function Id({ id, length = 15 }: { id: string; length?: number }) {
  if (!id) return <span class="faint">–</span>;
  return (
    <code class="id" title={id}>
      {id.slice(0, length)}
    </code>
  );
}

export function Commit({ revision }: { revision: string }) {
  const isCommit = /^[0-9a-f]{40}([0-9a-f]{24})?$/.test(revision);
  if (!revision) return <span class="faint">–</span>;
  return (
    <code class="id" title={revision}>
      {isCommit ? revision.slice(0, 7) : revision}
    </code>
  );
}

interface ButtonProps {
  children?: ComponentChildren;
  icon?: IconName;
  onClick?: (event: MouseEvent) => void;
  kind?: "main" | "plain" | "quiet" | "danger";
  disabled?: boolean;
  label?: string;
  title?: string;
  type?: "button" | "submit";
  pressed?: boolean;
  busy?: boolean;
  testid?: string;
}

export function Button({ children, icon, onClick, kind = "plain", disabled, label, title, type = "button", pressed, busy, testid }: ButtonProps) {
  return (
    <button
      type={type}
      class={`button ${kind}${children ? "" : " bare"}${busy ? " busy" : ""}`}
      onClick={onClick}
      disabled={disabled || busy}
      aria-label={label}
      aria-pressed={pressed}
      title={title ?? label}
      data-testid={testid}
    >
      {icon && <Icon name={icon} />}
      {children && <span>{children}</span>}
    </button>
  );
}

export function Copy({ text }: { text: string }) {
  const copy = async () => {
    await navigator.clipboard?.writeText(text);
    tell(T.app.copied);
  };
  return <Button kind="quiet" icon="copy" label={T.app.copy} onClick={() => void copy()} />;
}

export function Tag({ children, tone = "idle" }: { children: ComponentChildren; tone?: string }) {
  return <span class={`tag ${tone}`}>{children}</span>;
}
