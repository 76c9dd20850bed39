// Where Git and the cluster differ, or two releases.

import { api } from "../../api/paths.ts";
import { get } from "../../api/request.ts";
import type { Diff, History } from "../../api/types.ts";
import { Empty, Show } from "../../parts/states.tsx";
import { counts, groups, type Group } from "../../pure/diff.ts";
import { readKey, spoken } from "../../pure/key.ts";
import type { AppState } from "../../state/app.ts";
import { useLoad } from "../../state/load.ts";
import { place, set } from "../../state/router.ts";
import { T } from "../../texts.ts";
import { Changes } from "../changes.tsx";

export function DiffTab({ app }: { app: AppState }) {
  const { query } = place.value;
  const [from, to] = [query.get("from") ?? "", query.get("to") ?? ""];
  const isGit = !from && !to;
  const status = app.application.value?.status;
  const on = isGit ? `${status?.reconciledAt ?? ""} ${status?.sync?.revision ?? ""}` : "";
  const diff = useLoad((signal) => get<Diff>(api.ours(app.id, "/diff"), { ...app.where, from, to }, signal), [on], `${from} ${to}`);
  const history = useLoad((signal) => get<History>(api.ours(app.id, "/history"), app.where, signal), [], "history");
  const releases = (history.value?.releases ?? []).map(({ release }) => (
    <option key={release} value={String(release)}>
      {T.app.deployed} {release}
    </option>
  ));
  return (
    <div class="page scroll" tabIndex={0}>
      <div class="filters flat">
        <label class="select">
          <span>{T.diff.between}</span>
          <select value={isGit ? "" : from || "live"} onChange={(event) => pick(event.currentTarget.value, to || "live")} data-testid="diff-from">
            <option value="">{T.diff.git}</option>
            {releases}
          </select>
        </label>
        {!isGit && (
          <label class="select">
            <span aria-hidden="true">→</span>
            <span class="unseen">{T.diff.after}</span>
            <select value={to || "live"} onChange={(event) => pick(from, event.currentTarget.value)}>
              <option value="live">{T.diff.before}</option>
              {releases}
            </select>
          </label>
        )}
      </div>
      <Show of={diff} verb="get" what="applications.argoproj.io">
        {(value) => <Groups diff={value} isGit={isGit} />}
      </Show>
    </div>
  );
}

function pick(from: string, to: string): void {
  set(from ? { from, to } : { from: null, to: null }, false);
}

export function Groups({ diff, isGit }: { diff: Diff; isGit: boolean }) {
  if (diff.changes.length === 0) return <Empty title={T.diff.none}>{isGit ? T.diff.noneWhat : T.diff.noneBetween}</Empty>;
  const { added, changed, removed } = counts(diff);
  return (
    <>
      <p class="faint" data-testid="diff-summary">
        {T.diff.summary(added, changed, removed)}
      </p>
      <ul class="groups">
        {groups(diff).map((group) => (
          <OneGroup key={`${group.change} ${group.resources[0]}`} group={group} />
        ))}
      </ul>
    </>
  );
}

const SIGNS = { added: "+", removed: "-", changed: "~" };

function OneGroup({ group }: { group: Group }) {
  const { change, resources, fields } = group;
  const link = (resource: string) => (
    <a key={resource} href={`?${withNode(resource)}`}>
      {spoken(readKey(resource))}
    </a>
  );
  return (
    <li class={`group-of ${change}`}>
      <h2>
        <span class="sign" aria-hidden="true">
          {SIGNS[change]}
        </span>
        {resources.length === 1 ? link(resources[0] as string) : change === "changed" ? T.diff.same(resources.length) : T.app.outOf(resources.length)}
        <span class="faint">{change === "changed" ? T.diff.changed(fields.length) : T.diff[change]}</span>
      </h2>
      {resources.length > 1 && <p class="names">{resources.slice(0, 100).map(link)}</p>}
      {fields.length > 0 && <Changes fields={fields} />}
    </li>
  );
}

function withNode(resource: string): string {
  const query = new URLSearchParams(place.value.query);
  query.set("node", resource);
  return query.toString();
}
