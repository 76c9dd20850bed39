// One resource, beside the page: summary, difference, manifest, events, logs, edges.

import { useMemo } from "preact/hooks";
import { Icon } from "../../parts/icon.tsx";
import { Empty } from "../../parts/states.tsx";
import { Ago, Button, Commit, Copy, Id, Tag, Word } from "../../parts/small.tsx";
import { readKey, spoken } from "../../pure/key.ts";
import type { Resource } from "../../pure/resources.ts";
import type { AppState } from "../../state/app.ts";
import { place, set } from "../../state/router.ts";
import { T } from "../../texts.ts";
import { Events } from "../app/activityTab.tsx";
import { Edges, Waiting } from "./edges.tsx";
import { Logs } from "./logs.tsx";
import { DiffOf, Manifest } from "./manifest.tsx";

type Tab = keyof typeof T.drawer.tabs;

export function Drawer({ app, id }: { app: AppState; id: string }) {
  const one = app.resources.value.byId.get(id);
  const key = readKey(id);
  const isWide = place.value.query.get("wide") === "true";
  const pods = useMemo(() => (one ? podsOf(one) : []), [one]);
  const tabs = (Object.keys(T.drawer.tabs) as Tab[]).filter((tab) => {
    if (tab === "logs") return pods.length > 0 && app.rights.value.logs;
    if (tab === "edges" || tab === "diff") return (one?.node ?? -1) >= 0;
    return true;
  });
  const wanted = place.value.query.get("show") as Tab | null;
  const at = wanted && tabs.includes(wanted) ? wanted : "summary";
  return (
    <aside class={`drawer${isWide ? " wide" : ""}`} aria-label={spoken(key)} data-testid="drawer">
      <header>
        <div class="who">
          <span class="kind">{key.kind}</span>
          <h2 title={key.name}>{key.name}</h2>
          {key.namespace && <span class="faint">{key.namespace}</span>}
        </div>
        <Copy text={key.name} />
        <Button kind="quiet" icon="wide" label={isWide ? T.drawer.narrow : T.drawer.wide} onClick={() => set({ wide: isWide ? null : "true" })} />
        <Button kind="quiet" icon="close" label={T.drawer.close} onClick={() => set({ node: null, wide: null, show: null }, false)} testid="close-drawer" />
      </header>
      <div class="tabs small" role="group" aria-label={spoken(key)}>
        {tabs.map((tab) => (
          <button key={tab} type="button" aria-pressed={tab === at} onClick={() => set({ show: tab === "summary" ? null : tab })} data-testid={`show-${tab}`}>
            {T.drawer.tabs[tab]}
          </button>
        ))}
      </div>
      <div class="body scroll" tabIndex={0}>{one ? <Content tab={at} app={app} one={one} pods={pods} /> : <Empty title={T.state.notFound}>{T.state.notFoundWhat}</Empty>}</div>
    </aside>
  );
}

function Content({ tab, app, one, pods }: { tab: Tab; app: AppState; one: Resource; pods: Resource[] }) {
  const { kind, namespace, name } = one.key;
  switch (tab) {
    case "summary":
      return <Summary app={app} one={one} />;
    case "diff":
      return <DiffOf app={app} one={one} />;
    case "manifest":
      return <Manifest app={app} one={one} />;
    case "events":
      return <Events app={app} values={{ resourceName: name, resourceNamespace: namespace }} kind={kind} on={one.health} />;
    case "logs":
      return <Logs app={app} pods={pods} />;
    case "edges":
      return <Edges app={app} one={one} />;
  }
}

function Summary({ app, one }: { app: AppState; one: Resource }) {
  const step = app.progress.value?.steps.get(one.id);
  const isSyncing = app.progress.value !== null && app.progress.value.outcome === null;
  return (
    <>
      <p class="facts-line">
        {one.isPruned ? <Word word="OutOfSync" text={T.resources.pruned} /> : one.sync && <Word word={one.sync} />}
        {one.health && <Word word={one.health} />}
        {one.hook && <Tag>{one.hook.join(", ") || T.drawer.hook}</Tag>}
      </p>
      {one.message && <pre class="told" tabIndex={0}>{one.message}</pre>}
      {isSyncing && step && <Waiting step={step} />}
      <dl class="facts">
        {one.origin && (
          <>
            <dt>{T.drawer.origin}</dt>
            <dd>
              <code class="break" data-testid="origin">{one.origin}</code> <Commit revision={revisionOf(app)} />
            </dd>
          </>
        )}
        {one.node >= 0 && (
          <>
            <dt>{T.drawer.wave}</dt>
            <dd>
              {one.layer + 1} / {app.graph.value?.layers}
            </dd>
          </>
        )}
        {app.application.value?.status?.gitops?.live && one.node >= 0 && (
          <>
            <dt>{T.drawer.graph}</dt>
            <dd>
              <Id id={app.graph.value?.id ?? ""} />
            </dd>
          </>
        )}
        {one.images.length > 0 && (
          <>
            <dt>{T.drawer.images}</dt>
            <dd class="break">{one.images.join(", ")}</dd>
          </>
        )}
        {one.createdAt && (
          <>
            <dt>{T.drawer.created}</dt>
            <dd>
              <Ago time={one.createdAt} suffix />
            </dd>
          </>
        )}
      </dl>
      {one.children.length > 0 && (
        <section>
          <h3>{T.drawer.owns}</h3>
          <Owned all={one.children} />
        </section>
      )}
    </>
  );
}

/** The commit that its line is of. */
function revisionOf(app: AppState): string {
  const sync = app.application.value?.status?.sync;
  return sync?.revision ?? sync?.revisions?.[0] ?? "";
}

/** What it owns, and what that owns. */
function Owned({ all }: { all: Resource[] }) {
  return (
    <ul class="owned">
      {all.map((child) => (
        <li key={child.id}>
          <button type="button" class="link" onClick={() => set({ node: child.id, show: null }, false)}>
            <Icon name="chevron" size={10} />
            <span class="kind">{child.key.kind}</span> {child.key.name}
          </button>
          {child.health && <Word word={child.health} quiet />}
          {child.message && <span class="message">{child.message}</span>}
          {child.children.length > 0 && <Owned all={child.children} />}
        </li>
      ))}
    </ul>
  );
}

function podsOf(one: Resource): Resource[] {
  const own = one.key.kind === "Pod" && one.key.group === "" ? [one] : [];
  return [...own, ...one.children.flatMap(podsOf)];
}
