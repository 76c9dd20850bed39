// Fields before and after. Whatever is in them is text.

import type { FieldChange } from "../api/types.ts";
import { Ago } from "../parts/small.tsx";
import { yaml } from "../pure/yaml.ts";
import { T } from "../texts.ts";

/** Longer values are cut, with the rest behind a click. */
const MOST_LINES = 200;

function text(value: unknown): string {
  return typeof value === "string" ? value : yaml(value);
}

export function Changes({ fields }: { fields: FieldChange[] }) {
  return (
    <div class="changes">
      {fields.map((field) => (
        <Change key={field.path} field={field} />
      ))}
    </div>
  );
}

function Change({ field }: { field: FieldChange }) {
  const { path, by } = field;
  const [hasOld, hasNew] = ["old" in field, "new" in field];
  const [before, after] = [hasOld ? text(field.old) : "", hasNew ? text(field.new) : ""];
  const isLong = before.includes("\n") || after.includes("\n") || before.length + after.length > 120;
  return (
    <div class="change">
      <code class="path">{path}</code>
      {isLong ? (
        <Lines before={before} after={after} />
      ) : (
        <span class="values">
          {hasOld ? <del>{before || "\"\""}</del> : <span class="faint">{T.diff.absent}</span>}
          <span aria-hidden="true"> → </span>
          {hasNew ? <ins>{after || "\"\""}</ins> : <span class="faint">{T.diff.absent}</span>}
        </span>
      )}
      {by && (
        <span class="faint by">
          {T.diff.by} {by.manager} {by.time && <Ago time={by.time} suffix />}
        </span>
      )}
    </div>
  );
}

interface Line {
  sign: " " | "-" | "+";
  text: string;
}

/** Two texts, line by line; what is the same at both ends is shown around what differs. */
export function lines(before: string, after: string): Line[] {
  const [old, now] = [before ? before.split("\n") : [], after ? after.split("\n") : []];
  if (old.length * now.length > 1_000_000) {
    return [...old.map((text): Line => ({ sign: "-", text })), ...now.map((text): Line => ({ sign: "+", text }))];
  }
  // The longest part that both have, in order.
  const table: Uint32Array[] = Array.from({ length: old.length + 1 }, () => new Uint32Array(now.length + 1));
  for (let i = old.length - 1; i >= 0; i -= 1) {
    for (let j = now.length - 1; j >= 0; j -= 1) {
      const [row, below] = [table[i] as Uint32Array, table[i + 1] as Uint32Array];
      row[j] = old[i] === now[j] ? (below[j + 1] as number) + 1 : Math.max(below[j] as number, row[j + 1] as number);
    }
  }
  const found: Line[] = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < now.length) {
    if (i < old.length && j < now.length && old[i] === now[j]) {
      found.push({ sign: " ", text: old[i] as string });
      i += 1;
      j += 1;
    } else if (j >= now.length || (i < old.length && (table[i + 1]?.[j] ?? 0) >= (table[i]?.[j + 1] ?? 0))) {
      found.push({ sign: "-", text: old[i] as string });
      i += 1;
    } else {
      found.push({ sign: "+", text: now[j] as string });
      j += 1;
    }
  }
  return found;
}

/** Lines of context that are shown around what differs. */
const CONTEXT = 3;

function Lines({ before, after }: { before: string; after: string }) {
  const all = lines(before, after);
  const near = all.map((_, at) => all.slice(Math.max(0, at - CONTEXT), at + CONTEXT + 1).some((line) => line.sign !== " "));
  const shown: (Line | null)[] = [];
  all.forEach((line, at) => {
    if (near[at]) shown.push(line);
    else if (shown.at(-1) !== null) shown.push(null);
  });
  return (
    <div class="diff-lines" tabIndex={0} role="region" aria-label={T.app.tabs.diff}>
      {shown.slice(0, MOST_LINES).map((line, at) =>
        line ? (
          <div key={at} class={line.sign === "-" ? "old" : line.sign === "+" ? "new" : ""}>
            <span aria-hidden="true">{line.sign}</span>
            <code>{line.text || "\u00a0"}</code>
          </div>
        ) : (
          <div key={at} class="gap">
            ⋯
          </div>
        ),
      )}
      {shown.length > MOST_LINES && <div class="gap">… {shown.length - MOST_LINES}</div>}
    </div>
  );
}
