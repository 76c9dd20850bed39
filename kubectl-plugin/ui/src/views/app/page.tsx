// The page of one Application.

import { useEffect, useLayoutEffect, useMemo } from "preact/hooks";
import { appPath } from "../../api/paths.ts";
import { Tabs } from "../../parts/over.tsx";
import { Failed, Skeleton } from "../../parts/states.tsx";
import { AppState } from "../../state/app.ts";
import { go, place, set } from "../../state/router.ts";
import { T } from "../../texts.ts";
import { keysOfPage } from "../keys.ts";
import { Drawer } from "../drawer/drawer.tsx";
import { ofPage, type Target } from "../search.tsx";
import { spoken } from "../../pure/key.ts";
import { mainWord } from "../../pure/resources.ts";
import { refresh } from "./actions.ts";
import { ActivityTab } from "./activityTab.tsx";
import { DiffTab } from "./diffTab.tsx";
import { GraphTab } from "./graphTab.tsx";
import { Header } from "./header.tsx";
import { HistoryTab } from "./historyTab.tsx";
import { PlanTab } from "./planTab.tsx";
import { ProgressBar } from "./progressBar.tsx";
import { ResourcesTab } from "./resourcesTab.tsx";
import { SettingsTab } from "./settingsTab.tsx";


type Tab = keyof typeof T.app.tabs;
const TABS = Object.entries(T.app.tabs) as [Tab, string][];

export function AppPage({ namespace, name, tab }: { namespace: string; name: string; tab: string }) {
  const app = useMemo(() => new AppState({ namespace, name }), [namespace, name]);
  useEffect(() => {
    app.start();
    return () => app.stop();
  }, [app]);
  useLayoutEffect(() => keys(app), [app]);
  useEffect(() => {
    ofPage.value = targets(app);
    return () => void (ofPage.value = []);
  }, [app, app.resources.value, app.rights.value]);
  const application = app.application.value;
  if (!application) {
    const error = app.error.value;
    return (
      <>
        <h1 class="unseen">{name}</h1>
        {error ? <Failed error={error} verb="get" what="applications.argoproj.io" again={() => void app.load()} /> : <Skeleton />}
      </>
    );
  }
  const at = (Object.hasOwn(T.app.tabs, tab) ? tab : "graph") as Tab;
  const node = place.value.query.get("node");
  return (
    <div class={`app${node ? " with-drawer" : ""}`} aria-busy={!app.isOpen.value}>
      <Header app={app} application={application} />
      <ProgressBar app={app} />
      <Tabs label={name} names={TABS} at={at} link={(to) => appPath(app.id, to === "graph" ? "" : to, node ? `node=${encodeURIComponent(node)}` : "")} />
      <div class="below">
        <div class="tab" key={at}>
          <Content tab={at} app={app} />
        </div>
        {node && <Drawer key={node} app={app} id={node} />}
      </div>
    </div>
  );
}

function Content({ tab, app }: { tab: Tab; app: AppState }) {
  switch (tab) {
    case "graph":
      return <GraphTab app={app} />;
    case "resources":
      return <ResourcesTab app={app} />;
    case "diff":
      return <DiffTab app={app} />;
    case "plan":
      return <PlanTab app={app} />;
    case "history":
      return <HistoryTab app={app} />;
    case "activity":
      return <ActivityTab app={app} />;
    case "settings":
      return <SettingsTab app={app} />;
  }
}

function keys(app: AppState): () => void {
  return keysOfPage({
    s: () => go(appPath(app.id, "plan")),
    r: () => app.rights.value.patch && void refresh(app, false),
    d: () => go(appPath(app.id, "diff")),
    h: () => go(appPath(app.id, "history")),
    Escape: () => set({ node: null }, false),
  });
}

function targets(app: AppState): Target[] {
  const tabs = TABS.map(([tab, text]): Target => ({
    id: `tab:${tab}`,
    kind: "action",
    icon: "arrow",
    text: `${text}: ${app.id.name}`,
    on: () => go(appPath(app.id, tab)),
  }));
  const actions: Target[] = app.rights.value.patch
    ? [
        { id: "sync", kind: "action", icon: "sync", text: `${T.app.sync} ${app.id.name}`, on: () => go(appPath(app.id, "plan")) },
        { id: "refresh", kind: "action", icon: "refresh", text: `${T.app.refresh} ${app.id.name}`, on: () => void refresh(app, false) },
      ]
    : [];
  const resources = [...app.resources.value.byId.values()].map((one): Target => ({
    id: `resource:${one.id}`,
    kind: "resource",
    icon: "graph",
    text: one.key.name,
    also: spoken(one.key),
    about: one.key.kind,
    word: mainWord(one),
    on: () => set({ node: one.id }, false),
  }));
  return [...actions, ...tabs, ...resources];
}
