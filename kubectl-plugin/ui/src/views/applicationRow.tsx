// One Application in a list: as a row, or as a tile.

import { appPath } from "../api/paths.ts";
import type { Row } from "../api/types.ts";
import { Ago, Commit, Id, Tag, Word } from "../parts/small.tsx";
import { fresh, rowId } from "../state/rows.ts";
import { T, number } from "../texts.ts";

export function GroupRow({ group, count, at, isTile }: { group: string; count: number; at: number; isTile?: boolean }) {
  const text = (
    <>
      <b>{group || T.state.none}</b> <span class="count">{number(count)}</span>
    </>
  );
  if (isTile) return <div class="group" role="listitem">{text}</div>;
  return (
    <div class="group" role="row" aria-rowindex={at + 2}>
      <span role="cell">{text}</span>
    </div>
  );
}

/** Whether it is as Git says, and how much of it is not. */
function Sync({ row }: { row: Row }) {
  const text = row.sync === "OutOfSync" && row.outOfSync ? T.apps.outOfSync(row.outOfSync) : undefined;
  return <Word word={row.sync} {...(text ? { text } : {})} quiet />;
}

interface Props {
  row: Row;
  at: number;
  isChosen: boolean;
  isNarrow: boolean;
}

export function AppRow({ row, at, isChosen, isNarrow }: Props) {
  const name = (
    <>
      <a href={appPath(row)} title={`${row.namespace}/${row.name}`} data-testid={`app-${row.name}`}>
        {row.name}
      </a>
      {row.held && <Tag tone="held">{T.apps.held}</Tag>}
      {row.operation === "Running" && <Tag tone="busy">{T.apps.syncing}</Tag>}
    </>
  );
  const style = `row apps-grid${isChosen ? " chosen" : ""}${fresh.has(rowId(row)) ? " fresh" : ""}${isNarrow ? " narrow" : ""}`;
  if (isNarrow) {
    return (
      <div class={style} role="row" aria-rowindex={at + 1}>
        <div role="cell" class="name">
          {name}
        </div>
        <div role="cell" class="states">
          <Sync row={row} />
          <Word word={row.health} quiet />
        </div>
      </div>
    );
  }
  return (
    <div class={style} role="row" aria-rowindex={at + 2} aria-current={isChosen || undefined}>
      <div role="cell" class="name">
        {name}
        {row.message && (
          <span class="message" title={row.message}>
            {row.message}
          </span>
        )}
      </div>
      <div role="cell" class="project">
        {row.project}
      </div>
      <div role="cell" class="sync">
        <Sync row={row} />
      </div>
      <div role="cell" class="health">
        <Word word={row.health} quiet />
      </div>
      <div role="cell" class="release">
        {row.release === null ? (
          <span class="faint">{T.apps.noRelease}</span>
        ) : (
          <>
            <span class="number">{row.release}</span> <Id id={row.graph} length={9} />
          </>
        )}
      </div>
      <div role="cell" class="commit" title={row.subject || undefined}>
        <Commit revision={row.revision} />
        {row.subject && <span class="message">{row.subject}</span>}
      </div>
      <div role="cell" class="destination" title={`${row.cluster} ${row.destination}`}>
        {row.destination || "–"}
      </div>
      <div role="cell" class="changed">
        <Ago time={row.deployedAt ?? ""} />
      </div>
    </div>
  );
}

export function AppTile({ row }: { row: Row }) {
  return (
    <div class={`tile${fresh.has(rowId(row)) ? " fresh" : ""}`} role="listitem">
      <h2>
        <a href={appPath(row)}>{row.name}</a>
        {row.held && <Tag tone="held">{T.apps.held}</Tag>}
      </h2>
      <p class="faint">
        {row.project} · {row.destination || row.namespace}
      </p>
      <p class="states">
        <Sync row={row} />
        <Word word={row.health} />
      </p>
      <p class="faint line">
        {row.release === null ? T.apps.noRelease : `${T.app.deployed} ${row.release}`}
        {" · "}
        <Commit revision={row.revision} /> {row.subject}
        {row.deployedAt && (
          <>
            {" · "}
            <Ago time={row.deployedAt} suffix />
          </>
        )}
      </p>
    </div>
  );
}
