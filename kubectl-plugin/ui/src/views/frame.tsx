// The frame: a rail, a bar, and the page of the address.

import { useEffect, useLayoutEffect } from "preact/hooks";
import type { UserInfo } from "../api/types.ts";
import { Icon, type IconName } from "../parts/icon.tsx";
import { Menu, Tellings } from "../parts/over.tsx";
import { Empty } from "../parts/states.tsx";
import { now } from "../state/clock.ts";
import { place } from "../state/router.ts";
import { lostSince } from "../state/rows.ts";
import { signOut } from "../state/session.ts";
import { theme, type Theme } from "../state/theme.ts";
import { lasting } from "../pure/time.ts";
import { T } from "../texts.ts";
import { Activity } from "./activity.tsx";
import { AppPage } from "./app/page.tsx";
import { Applications } from "./applications.tsx";
import { isKeysOpen, isSearchOpen, listenToKeys } from "./keys.ts";
import { Keys } from "./keysDialog.tsx";
import { Lists } from "./lists.tsx";
import { Search } from "./search.tsx";

const NAV: [string, string, IconName][] = [
  ["/applications", T.nav.applications, "apps"],
  ["/activity", T.nav.activity, "activity"],
  ["/repositories", T.nav.repositories, "repositories"],
  ["/clusters", T.nav.clusters, "clusters"],
  ["/projects", T.nav.projects, "projects"],
];

export function Frame({ user }: { user: UserInfo }) {
  useLayoutEffect(listenToKeys, []);
  const parts = place.value.path.split("/").filter(Boolean).map(decodePart);
  const section = parts[0] ?? "applications";
  const crumbs: [string, string][] = [[NAV.find(([path]) => path === `/${section}`)?.[1] ?? T.product, `/${section}`]];
  if (section === "applications" && parts[2]) crumbs.push([parts[2], `/applications/${parts.slice(1, 3).map(encodeURIComponent).join("/")}`]);
  useEffect(() => {
    document.title = [...crumbs.map(([text]) => text)].reverse().join(" · ");
  }, [place.value.path]);
  return (
    <div class="frame">
      <a class="skip" href="#content">
        {T.nav.skip}
      </a>
      <nav class="rail" aria-label={T.nav.label}>
        <a class="logo" href="/applications" aria-label={T.product} />
        {NAV.map(([path, text, icon]) => (
          <a key={path} href={path} aria-current={`/${section}` === path ? "page" : undefined} title={text}>
            <Icon name={icon} size={20} />
            <span>{text}</span>
          </a>
        ))}
      </nav>
      <header class="bar">
        <nav class="crumbs" aria-label={T.nav.breadcrumb}>
          <ol>
            {crumbs.map(([text, path], at) => (
              <li key={path}>
                <a href={path} aria-current={at === crumbs.length - 1 ? "page" : undefined}>
                  {text}
                </a>
              </li>
            ))}
          </ol>
        </nav>
        <button type="button" class="search-open" onClick={() => (isSearchOpen.value = true)} title={T.search.label} data-testid="search-open">
          <Icon name="search" />
          <span>{T.search.placeholder}</span>
          <kbd>/</kbd>
        </button>
        <UserMenu user={user} />
      </header>
      {lostSince.value > 0 && <Lost />}
      <main id="content" tabIndex={-1} class={lostSince.value > 0 ? "stale" : ""}>
        <Section section={section} parts={parts} />
      </main>
      {isSearchOpen.value && <Search />}
      {isKeysOpen.value && <Keys />}
      <Tellings />
    </div>
  );
}

function Section({ section, parts }: { section: string; parts: string[] }) {
  const [, namespace, name, tab = "graph"] = parts;
  switch (section) {
    case "applications":
      return namespace && name ? <AppPage key={`${namespace}/${name}`} namespace={namespace} name={name} tab={tab} /> : <Applications />;
    case "activity":
      return <Activity />;
    case "repositories":
    case "clusters":
    case "projects":
      return <Lists key={section} of={section} />;
    default:
      return (
        <>
          <h1 class="unseen">{T.product}</h1>
          <Empty title={T.state.notFound}>{T.state.notFoundWhat}</Empty>
        </>
      );
  }
}

function Lost() {
  const seconds = Math.max(0, (now.value - lostSince.value) / 1000);
  return (
    <div class="banner warn" role="status" data-testid="lost">
      {T.state.disconnected} {T.state.ago(lasting(seconds))}. {T.state.reconnecting}
    </div>
  );
}

function UserMenu({ user }: { user: UserInfo }) {
  const themes: [Theme, string][] = [
    ["system", T.user.system],
    ["light", T.user.light],
    ["dark", T.user.dark],
  ];
  return (
    <Menu
      label={T.user.menu}
      icon="user"
      head={
        <div class="who">
          <strong>{user.username}</strong>
          {user.groups?.map((group) => <span key={group}>{group}</span>)}
        </div>
      }
      choices={[
        ...themes.map(([name, text]) => ({ text: `${T.user.theme}: ${text}`, isChosen: theme.value === name, on: () => (theme.value = name) })),
        { text: T.user.keys, on: () => (isKeysOpen.value = true) },
        { text: T.user.signOut, on: () => void signOut(), testid: "sign-out" },
      ]}
    />
  );
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
