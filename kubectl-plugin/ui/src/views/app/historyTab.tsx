// The releases of an Application as a line; two of them compared; and the way back to one.

import { useMemo, useState } from "preact/hooks";
import { api, appPath } from "../../api/paths.ts";
import { get } from "../../api/request.ts";
import type { History, Release } from "../../api/types.ts";
import { Empty, Show } from "../../parts/states.tsx";
import { Ago, Button, Commit, Id, Tag } from "../../parts/small.tsx";
import { lanes, line } from "../../pure/line.ts";
import type { AppState } from "../../state/app.ts";
import { useLoad } from "../../state/load.ts";
import { go } from "../../state/router.ts";
import { T } from "../../texts.ts";

const ROW = 48;
const LANE = 12;

export function HistoryTab({ app }: { app: AppState }) {
  const status = app.application.value?.status;
  const on = `${status?.gitops?.release ?? ""} ${status?.history?.at(-1)?.id ?? ""} ${status?.operationState?.phase ?? ""} ${(status?.conditions ?? []).map((one) => one.type).join()}`;
  const loaded = useLoad((signal) => get<History>(api.ours(app.id, "/history"), app.where, signal), [on], "history");
  return (
    <div class="page scroll" tabIndex={0}>
      <Show of={loaded} verb="get" what="applications.argoproj.io">
        {(history) => (history.releases.length === 0 ? <Empty title={T.history.empty}>{T.history.emptyWhat}</Empty> : <Releases app={app} history={history} />)}
      </Show>
    </div>
  );
}

function Releases({ app, history }: { app: AppState; history: History }) {
  const [picked, setPicked] = useState<number[]>([]);
  const { releases, bends } = useMemo(() => line(history.releases), [history]);
  const width = useMemo(() => 24 + Math.max(0, ...lanes(bends).map((lane) => lane + 1)) * LANE, [bends]);
  const pick = (number: number) => setPicked((before) => (before.includes(number) ? before.filter((one) => one !== number) : [...before, number].slice(-2)));
  const [from, to] = [...picked].sort((one, other) => one - other);
  const compare = () => go(appPath(app.id, "diff", `from=${from}&to=${to}`));
  return (
    <>
      {history.holdAll && <div class="banner held">{T.history.holdAll}</div>}
      <div class="filters flat">
        <span class="faint">{T.history.choose}</span>
        <Button disabled={picked.length !== 2} onClick={compare} testid="compare">
          {picked.length === 2 ? T.diff.releases(String(from), String(to)) : T.history.compare}
        </Button>
      </div>
      <div class="releases">
        <Drawn count={releases.length} width={width} bends={bends} live={releases.findIndex((one) => one.live)} />
        <ul data-testid="releases">
          {releases.map((one) => (
            <Row key={one.release} app={app} one={one} isPicked={picked.includes(one.release)} onPick={() => pick(one.release)} />
          ))}
        </ul>
      </div>
    </>
  );
}

/** The line, with a bend for each rollback. */
function Drawn({ count, width, bends, live }: { count: number; width: number; bends: { from: number; to: number }[]; live: number }) {
  const middle = (at: number) => at * ROW + ROW / 2;
  const x = width - 10;
  const out = lanes(bends);
  return (
    <svg width={width} height={count * ROW} aria-hidden="true" class="release-line">
      <path d={`M${x} ${middle(0)}V${middle(count - 1)}`} />
      {bends.map(({ from, to }, at) => {
        const left = x - 8 - ((out[at] ?? 0) + 1) * LANE;
        return <path key={at} class="bend" d={`M${x} ${middle(from)}C${left} ${middle(from)} ${left} ${middle(from) + ROW / 2} ${left} ${middle(from) + ROW / 2}V${middle(to) - ROW / 2}C${left} ${middle(to)} ${left} ${middle(to)} ${x} ${middle(to)}`} />;
      })}
      {Array.from({ length: count }, (_, at) => (
        <circle key={at} cx={x} cy={middle(at)} r={at === live ? 6 : 4} class={at === live ? "live" : ""} />
      ))}
    </svg>
  );
}

function Row({ app, one, isPicked, onPick }: { app: AppState; one: Release; isPicked: boolean; onPick: () => void }) {
  const changes = [one.created > 0 && `+${one.created}`, one.changed > 0 && `~${one.changed}`, one.deleted > 0 && `−${one.deleted}`].filter(Boolean).join(" ");
  return (
    <li class={`release${one.live ? " live" : ""}`}>
      <input type="checkbox" checked={isPicked} onChange={onPick} aria-label={T.history.pick(one.release)} />
      <b class="number">{one.release}</b>
      <div class="about">
        <span class="subject">
          {one.commit ? one.commit.subject : one.rollbackTo !== null ? T.history.as(one.rollbackTo) : T.history.first}
          {one.commit && one.rollbackTo !== null && <span class="faint"> {T.history.as(one.rollbackTo)}</span>}
        </span>
        <span class="faint">
          <Id id={one.graph} /> {one.commit && <Commit revision={one.commit.oid} />} {one.actor} · <Ago time={one.time} suffix />
          {one.outcome !== "succeeded" && one.message && <span class="message"> · {one.message}</span>}
        </span>
      </div>
      <span class="number faint">{changes}</span>
      <span class="tags">
        {one.live && <Tag tone="good">{T.history.live}</Tag>}
        {one.held && <Tag tone="held">{T.history.held}</Tag>}
        {one.partial && <Tag>{T.history.partial}</Tag>}
        {one.outcome === "failed" && <Tag tone="bad">{T.history.failed}</Tag>}
        {one.outcome === "interrupted" && <Tag tone="bad">{T.history.interrupted}</Tag>}
      </span>
      <span class="roll">
        {!one.live && app.rights.value.patch && (
          <Button kind="quiet" icon="rollback" onClick={() => go(appPath(app.id, "plan", `release=${one.release}`))} testid={`rollback-${one.release}`}>
            {T.history.rollback}
          </Button>
        )}
      </span>
    </li>
  );
}
