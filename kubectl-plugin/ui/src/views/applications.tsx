// The list of Applications: a strip that counts, filters, a table or tiles.

import { useLayoutEffect, useMemo, useState } from "preact/hooks";
import { appPath } from "../api/paths.ts";
import { Failed, Empty, Skeleton } from "../parts/states.tsx";
import { Button, Copy } from "../parts/small.tsx";
import { Icon } from "../parts/icon.tsx";
import { Virtual } from "../parts/virtual.tsx";
import { arrange, counts, readWanted, type GroupBy, type Item, type SortBy, type Wanted } from "../pure/rows.ts";
import { HEALTH_WORDS, SYNC_WORDS, look } from "../pure/words.ts";
import { Mark } from "../parts/icon.tsx";
import { go, place, set } from "../state/router.ts";
import { restart, rows, state, total, version } from "../state/rows.ts";
import { T, number, word } from "../texts.ts";
import { keysOfPage } from "./keys.ts";
import { AppRow, AppTile, GroupRow } from "./applicationRow.tsx";
import { useNarrow, useWidth } from "./useWidth.ts";

export function Applications() {
  const wanted = useMemo(() => readWanted(place.value.query), [place.value.query.toString()]);
  const items = useMemo(() => arrange(rows.values(), wanted), [wanted, version.value]);
  const isTiles = place.value.query.get("view") === "tiles";
  if (state.value.is === "failed" && state.value.error) {
    return (
      <>
        <h1 class="unseen">{T.apps.title}</h1>
        <Failed error={state.value.error} verb="list" what="applications.argoproj.io" again={restart} />
      </>
    );
  }
  const isLoading = state.value.is === "loading";
  if (!isLoading && rows.size === 0) return <First />;
  return (
    <div class="list">
      <h1 class="unseen">{T.apps.title}</h1>
      <Strip wanted={wanted} />
      <Filters wanted={wanted} isTiles={isTiles} shown={items.reduce((sum, item) => sum + ("row" in item ? 1 : 0), 0)} />
      {rows.size === 0 ? (
        <Skeleton lines={14} />
      ) : items.length === 0 ? (
        <Empty title={T.apps.none} action={<Button onClick={clear}>{T.apps.clear}</Button>}>
          {T.apps.noneWhat}
        </Empty>
      ) : isTiles ? (
        <Tiles items={items} />
      ) : (
        <Table items={items} wanted={wanted} />
      )}
    </div>
  );
}

function clear(): void {
  const view = place.value.query.get("view");
  go(`/applications${view ? `?view=${view}` : ""}`);
}

/** How many there are of each state; a click shows those alone. */
function Strip({ wanted }: { wanted: Wanted }) {
  const found = useMemo(() => counts(rows.values()), [version.value]);
  const toggle = (name: "sync" | "health", value: string) => {
    const values = wanted[name];
    set({ [name]: values.includes(value) ? values.filter((one) => one !== value) : [...values, value] });
  };
  const part = (name: "sync" | "health", values: readonly string[]) =>
    values
      .filter((value) => (found[name].get(value) ?? 0) > 0 || wanted[name].includes(value))
      .map((value) => (
        <button key={value} type="button" class={`chip ${look(value).tone}`} aria-pressed={wanted[name].includes(value)} onClick={() => toggle(name, value)} data-testid={`chip-${value}`}>
          <Mark shape={look(value).shape} />
          <b>{number(found[name].get(value) ?? 0)}</b>
          <span>{word(value)}</span>
        </button>
      ));
  return (
    <div class="strip" role="group" aria-label={T.apps.filters}>
      {part("sync", SYNC_WORDS)}
      <i class="bar-line" />
      {part("health", HEALTH_WORDS)}
      {(found.held > 0 || wanted.held) && (
        <button type="button" class="chip held" aria-pressed={wanted.held} onClick={() => set({ held: wanted.held ? null : "true" })}>
          <Mark shape="pause" />
          <b>{number(found.held)}</b>
          <span>{T.apps.held}</span>
        </button>
      )}
      {found.syncing > 0 && (
        <span class="chip busy plain">
          <Mark shape="ring" />
          <b>{number(found.syncing)}</b>
          <span>{T.apps.syncing}</span>
        </span>
      )}
    </div>
  );
}

function Filters({ wanted, isTiles, shown }: { wanted: Wanted; isTiles: boolean; shown: number }) {
  const named = (name: "project" | "namespace" | "cluster") => wanted[name] && <Chosen key={name} name={name} value={wanted[name]} />;
  return (
    <div class="filters">
      <label class="field">
        <Icon name="search" />
        <span class="unseen">{T.apps.search}</span>
        <input type="search" placeholder={T.apps.search} value={wanted.search} onInput={(event) => set({ search: event.currentTarget.value })} data-testid="filter" />
      </label>
      {named("project")}
      {named("namespace")}
      {named("cluster")}
      <span class="grow" />
      <span class="count" aria-live="polite" data-testid="shown">
        {state.value.is === "loading" && rows.size > 0 ? T.apps.loading(rows.size, total.value) : T.apps.of(shown, rows.size)}
      </span>
      <label class="select">
        <span>{T.apps.group}</span>
        <select value={wanted.group} onChange={(event) => set({ group: event.currentTarget.value })} data-testid="group">
          {Object.entries(T.apps.groups).map(([value, text]) => (
            <option key={value} value={value as GroupBy}>
              {text}
            </option>
          ))}
        </select>
      </label>
      <div class="switch" role="group" aria-label={T.apps.view}>
        <Button icon="list" label={T.apps.table} pressed={!isTiles} onClick={() => set({ view: null })} />
        <Button icon="apps" label={T.apps.tiles} pressed={isTiles} onClick={() => set({ view: "tiles" })} testid="tiles" />
      </div>
    </div>
  );
}

function Chosen({ name, value }: { name: string; value: string }) {
  return (
    <button type="button" class="chip" aria-pressed onClick={() => set({ [name]: null })}>
      <span>
        {name} {value}
      </span>
      <Icon name="close" size={10} />
    </button>
  );
}

const COLUMNS: [SortBy | "", string, string][] = [
  ["name", T.apps.columns.name, "name"],
  ["project", T.apps.columns.project, "project"],
  ["sync", T.apps.columns.sync, "sync"],
  ["health", T.apps.columns.health, "health"],
  ["release", T.apps.columns.release, "release"],
  ["", T.apps.columns.commit, "commit"],
  ["", T.apps.columns.destination, "destination"],
  ["changed", T.apps.columns.changed, "changed"],
];

function Table({ items, wanted }: { items: Item[]; wanted: Wanted }) {
  const [cursor, setCursor] = useState(-1);
  const isNarrow = useNarrow();
  useCursor(items, cursor, setCursor);
  const sort = (by: SortBy) => set({ sort: wanted.sort === by && !wanted.descending ? `-${by}` : by === "name" ? null : by });
  const head = (
    <div class="columns apps-grid" role="row">
      {COLUMNS.map(([by, text, name]) => {
        const isSorted = by !== "" && by === wanted.sort;
        return (
          <div key={name} role="columnheader" class={name} aria-sort={isSorted ? (wanted.descending ? "descending" : "ascending") : undefined}>
            {by ? (
              <button type="button" onClick={() => sort(by)}>
                {text}
                {isSorted && <span aria-hidden="true">{wanted.descending ? " ↓" : " ↑"}</span>}
              </button>
            ) : (
              text
            )}
          </div>
        );
      })}
    </div>
  );
  return (
    <Virtual
      label={T.apps.title}
      count={items.length}
      height={isNarrow ? 64 : 40}
      columns={isNarrow ? undefined : head}
      cursor={cursor}
      testid="apps"
      row={(at) => {
        const item = items[at] as Item;
        if (!("row" in item)) return <GroupRow key={`group ${item.group}`} group={item.group} count={item.count} at={at} />;
        return <AppRow key={`${item.row.namespace}/${item.row.name}`} row={item.row} at={at} isChosen={at === cursor} isNarrow={isNarrow} />;
      }}
    />
  );
}

/** `j` and `k` move, Enter opens. */
function useCursor(items: Item[], cursor: number, set: (at: number) => void): void {
  useLayoutEffect(() => {
    const move = (step: number) => {
      let at = Math.max(-1, Math.min(items.length - 1, cursor + step));
      while (items[at] && !("row" in (items[at] as Item)) && at + step >= 0 && at + step < items.length) at += step;
      set(at);
    };
    const item = items[cursor];
    return keysOfPage({
      j: () => move(1),
      k: () => move(-1),
      ...(item && "row" in item ? { Enter: () => go(appPath(item.row)) } : {}),
    });
  }, [items, cursor]);
}

function Tiles({ items }: { items: Item[] }) {
  const width = useWidth();
  const columns = Math.max(1, Math.floor((width - 72) / 300));
  const lines: (Item[] | { group: string; count: number })[] = [];
  for (const item of items) {
    const last = lines.at(-1);
    if (!("row" in item)) lines.push(item);
    else if (Array.isArray(last) && last.length < columns) last.push(item);
    else lines.push([item]);
  }
  const groups = lines.flatMap((line, at) => (Array.isArray(line) ? [] : [at]));
  const low = useMemo(() => ({ rows: groups, height: 48 }), [groups.join()]);
  return (
    <Virtual
      label={T.apps.title}
      role="list"
      count={lines.length}
      height={132}
      low={low}
      row={(at) => {
        const line = lines[at] as Item[] | { group: string; count: number };
        if (!Array.isArray(line)) return <GroupRow key={line.group} group={line.group} count={line.count} at={at} isTile />;
        return (
          <div key={at} class="tiles" role="presentation" style={{ gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))` }}>
            {line.map((item) => "row" in item && <AppTile key={`${item.row.namespace}/${item.row.name}`} row={item.row} />)}
          </div>
        );
      }}
    />
  );
}

/** There are none yet. */
function First() {
  return (
    <Empty title={T.apps.empty}>
      <h1 class="unseen">{T.apps.title}</h1>
      <p>{T.apps.emptyWhat}</p>
      <ol class="commands">
        {T.apps.emptyCommands.map((command) => (
          <li key={command} class="command">
            <code>{command}</code>
            <Copy text={command} />
          </li>
        ))}
      </ol>
    </Empty>
  );
}
