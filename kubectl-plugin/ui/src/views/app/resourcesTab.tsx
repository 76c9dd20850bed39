// All resources of an Application, with what they own: filtered, sorted, chosen for a partial sync.

import { useLayoutEffect, useMemo, useState } from "preact/hooks";
import { appPath } from "../../api/paths.ts";
import { Icon } from "../../parts/icon.tsx";
import { Empty, Skeleton } from "../../parts/states.tsx";
import { Button, Tag, Word } from "../../parts/small.tsx";
import { Virtual } from "../../parts/virtual.tsx";
import { isCalm, type Resource } from "../../pure/resources.ts";
import { rank } from "../../pure/words.ts";
import type { AppState } from "../../state/app.ts";
import { go, place, set } from "../../state/router.ts";
import { T } from "../../texts.ts";
import { keysOfPage } from "../keys.ts";
import { useNarrow } from "../useWidth.ts";

interface Line {
  one: Resource;
  depth: number;
}

type By = "name" | "sync" | "health";

const ORDER: Record<By, (one: Resource, other: Resource) => number> = {
  name: (one, other) => compare(one.key.kind, other.key.kind) || compare(one.key.name, other.key.name),
  sync: (one, other) => Number(one.sync === "Synced") - Number(other.sync === "Synced") || ORDER.name(one, other),
  health: (one, other) => rank(one.worst) - rank(other.worst) || ORDER.name(one, other),
};

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** What was chosen for a partial sync, by Application. */
export const chosen = new Map<string, Set<string>>();

export function ResourcesTab({ app }: { app: AppState }) {
  const { query } = place.value;
  const search = query.get("search") ?? "";
  const asked = query.get("sort") ?? "";
  const by = (Object.hasOwn(ORDER, asked) ? asked : "name") as By;
  const isTrouble = query.get("trouble") === "true";
  const node = query.get("node");
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set());
  const [cursor, setCursor] = useState(-1);
  const isNarrow = useNarrow();
  const { roots } = app.resources.value;
  const lines = useMemo(() => {
    const text = search.toLowerCase();
    const takes = (one: Resource): boolean =>
      `${one.key.kind} ${one.key.namespace}/${one.key.name} ${one.message}`.toLowerCase().includes(text) || one.children.some(takes);
    const sorted = roots.filter((one) => (!isTrouble || !isCalm(one)) && (!text || takes(one))).sort(ORDER[by]);
    const found: Line[] = [];
    const add = (one: Resource, depth: number) => {
      found.push({ one, depth });
      if (open.has(one.id) || (text && one.children.some(takes))) for (const child of one.children) add(child, depth + 1);
    };
    for (const one of sorted) add(one, 0);
    return found;
  }, [roots, search, by, isTrouble, open]);
  useLayoutEffect(() => {
    const line = lines[cursor];
    return keysOfPage({
      j: () => setCursor(Math.min(lines.length - 1, cursor + 1)),
      k: () => setCursor(Math.max(0, cursor - 1)),
      ...(line ? { Enter: () => set({ node: line.one.id }, false) } : {}),
    });
  }, [lines, cursor]);
  const flip = (all: ReadonlySet<string>, id: string) => {
    const next = new Set(all);
    if (!next.delete(id)) next.add(id);
    return next;
  };
  const sync = () => {
    chosen.set(`${app.id.namespace}/${app.id.name}`, new Set(picked));
    go(appPath(app.id, "plan", "chosen=true"));
  };
  if (roots.length === 0) return app.graph.value || app.graphError.value ? <Empty title={T.graph.empty}>{T.graph.emptyWhat}</Empty> : <Skeleton />;
  const head = (
    <div class="columns resources-grid" role="row">
      <div role="columnheader" class="pick">
        <span class="unseen">{T.resources.select}</span>
      </div>
      {(["name", "sync", "health"] as const).map((name) => (
        <div key={name} role="columnheader" class={name} aria-sort={by === name ? "ascending" : undefined}>
          <button type="button" onClick={() => set({ sort: name === "name" ? null : name })}>
            {T.resources.columns[name]}
            {by === name && <span aria-hidden="true"> ↑</span>}
          </button>
        </div>
      ))}
      <div role="columnheader" class="message">
        {T.resources.columns.message}
      </div>
    </div>
  );
  return (
    <div class="list">
      <div class="filters">
        <label class="field">
          <Icon name="search" />
          <span class="unseen">{T.resources.search}</span>
          <input type="search" placeholder={T.resources.search} value={search} onInput={(event) => set({ search: event.currentTarget.value })} />
        </label>
        <button type="button" class="chip" aria-pressed={isTrouble} onClick={() => set({ trouble: isTrouble ? null : "true" })}>
          <span>{T.graph.trouble}</span>
        </button>
        <span class="grow" />
        <span class="count">{T.app.outOf(roots.length)}</span>
        {picked.size > 0 && app.rights.value.patch && (
          <Button kind="main" icon="sync" onClick={sync} testid="sync-chosen">
            {T.resources.chosen(picked.size)}
          </Button>
        )}
      </div>
      <Virtual
        label={T.app.tabs.resources}
        count={lines.length}
        height={isNarrow ? 56 : 36}
        columns={isNarrow ? undefined : head}
        cursor={cursor}
        testid="resources"
        row={(at) => {
          const { one, depth } = lines[at] as Line;
          return (
            <Row
              key={one.id}
              one={one}
              depth={depth}
              at={at}
              isOpen={open.has(one.id)}
              isChosen={one.id === node || at === cursor}
              isPicked={picked.has(one.id)}
              onOpen={() => setOpen((all) => flip(all, one.id))}
              onPick={depth === 0 && app.rights.value.patch ? () => setPicked((all) => flip(all, one.id)) : undefined}
            />
          );
        }}
      />
    </div>
  );
}

interface RowProps extends Line {
  at: number;
  isOpen: boolean;
  isChosen: boolean;
  isPicked: boolean;
  onOpen: () => void;
  onPick: (() => void) | undefined;
}

function Row({ one, depth, at, isOpen, isChosen, isPicked, onOpen, onPick }: RowProps) {
  const { key } = one;
  const query = new URLSearchParams(place.value.query);
  query.set("node", one.id);
  return (
    <div class={`row resources-grid${isChosen ? " chosen" : ""}`} role="row" aria-rowindex={at + 2}>
      <div role="cell" class="pick">
        {onPick && <input type="checkbox" checked={isPicked} onChange={onPick} aria-label={`${T.resources.select}: ${key.kind} ${key.name}`} />}
      </div>
      <div role="cell" class={`name d${Math.min(depth, 4)}`}>
        {one.children.length > 0 ? (
          <button type="button" class={`twist${isOpen ? " open" : ""}`} onClick={onOpen} aria-expanded={isOpen} aria-label={T.graph.owned(one.owned)}>
            <Icon name="chevron" size={12} />
          </button>
        ) : (
          <span class="twist" />
        )}
        <span class="kind">{key.kind}</span>
        <a href={`?${query}`} title={`${key.namespace}/${key.name}`}>
          {key.name}
        </a>
        {one.owned > 0 && <span class="count">{one.owned}</span>}
        {one.hook && <Tag>{one.hook.join(", ") || T.drawer.hook}</Tag>}
      </div>
      <div role="cell" class="sync">
        {one.isPruned ? <Word word="OutOfSync" text={T.resources.pruned} /> : one.sync && <Word word={one.sync} quiet />}
      </div>
      <div role="cell" class="health">
        {one.worst && <Word word={one.worst} quiet />}
      </div>
      <div role="cell" class="message" title={one.message}>
        {one.message}
      </div>
    </div>
  );
}
