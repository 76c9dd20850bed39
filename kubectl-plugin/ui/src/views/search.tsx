// The global search: Applications, pages, and what the page at hand has.

import { signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { appPath } from "../api/paths.ts";
import { Icon, type IconName } from "../parts/icon.tsx";
import { Word } from "../parts/small.tsx";
import { find, type Findable } from "../pure/find.ts";
import { go } from "../state/router.ts";
import { rows, version } from "../state/rows.ts";
import { T } from "../texts.ts";
import { isSearchOpen } from "./keys.ts";

export interface Target extends Findable {
  id: string;
  kind: keyof typeof T.search.kinds & string;
  icon: IconName;
  about?: string;
  word?: string;
  on: () => void;
}

/** What the page at hand adds: its resources, releases and actions. */
export const ofPage = signal<Target[]>([]);

const MOST = 30;

function targets(): Target[] {
  const pages = (["applications", "activity", "repositories", "clusters", "projects"] as const).map((name): Target => ({
    id: `page:${name}`,
    kind: "page",
    icon: name === "applications" ? "apps" : name,
    text: T.nav[name],
    on: () => go(`/${name}`),
  }));
  const apps = [...rows.values()].map((row): Target => ({
    id: `app:${row.namespace}/${row.name}`,
    kind: "app",
    icon: "apps",
    text: row.name,
    also: `${row.namespace} ${row.project} ${row.revision} ${row.graph}`,
    about: `${row.namespace} · ${row.project}`,
    word: row.health === "Healthy" ? row.sync : row.health,
    on: () => go(appPath(row)),
  }));
  return [...ofPage.value, ...apps, ...pages];
}

export function Search() {
  const box = useRef<HTMLDialogElement>(null);
  const [asked, setAsked] = useState("");
  const [at, setAt] = useState(0);
  const all = useMemo(targets, [version.value, ofPage.value]);
  const found = useMemo(() => find(all, asked.trim(), MOST), [all, asked]);
  useLayoutEffect(() => box.current?.showModal(), []);
  const open = (target: Target | undefined) => {
    if (!target) return;
    box.current?.close();
    target.on();
  };
  const keys = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      setAt((before) => (before + step + found.length) % Math.max(1, found.length));
    } else if (event.key === "Enter") {
      event.preventDefault();
      open(found[at]);
    }
  };
  useEffect(() => {
    document.getElementById(`found-${at}`)?.scrollIntoView({ block: "nearest" });
  }, [at]);
  return (
    <dialog ref={box} class="search" aria-label={T.search.label} onClose={() => (isSearchOpen.value = false)} onClick={(event) => event.target === box.current && box.current?.close()}>
      <label class="asked">
        <Icon name="search" />
        <span class="unseen">{T.search.label}</span>
        <input
          autoFocus
          type="text"
          role="combobox"
          aria-expanded={true}
          aria-controls="found"
          aria-activedescendant={found[at] ? `found-${at}` : undefined}
          autocomplete="off"
          placeholder={T.search.placeholder}
          value={asked}
          onInput={(event) => {
            setAsked(event.currentTarget.value);
            setAt(0);
          }}
          onKeyDown={keys}
          data-testid="search"
        />
      </label>
      <div id="found" role="listbox" aria-label={T.search.label} tabIndex={-1}>
        {found.map((target, index) => (
          <div key={target.id} id={`found-${index}`} role="option" aria-selected={index === at} onPointerMove={() => setAt(index)} onClick={() => open(target)}>
            <Icon name={target.icon} />
            <span class="text">{target.text}</span>
            {target.about && <span class="faint about">{target.about}</span>}
            <span class="grow" />
            {target.word ? <Word word={target.word} quiet /> : <span class="faint">{T.search.kinds[target.kind]}</span>}
          </div>
        ))}
      </div>
      <p class="hint">{found.length === 0 ? T.search.none : T.search.hint}</p>
    </dialog>
  );
}
