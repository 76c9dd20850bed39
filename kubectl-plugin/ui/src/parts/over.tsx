// What lies over the page: dialogs, menus, what is told once.

import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { forget, heard, told } from "../state/told.ts";
import { T } from "../texts.ts";
import { Icon, type IconName } from "./icon.tsx";
import { Button } from "./small.tsx";

export function Dialog({ title, children, onClose, wide }: { title: string; children: ComponentChildren; onClose: () => void; wide?: boolean }) {
  const box = useRef<HTMLDialogElement>(null);
  const id = useId();
  useLayoutEffect(() => {
    box.current?.showModal();
  }, []);
  return (
    <dialog
      ref={box}
      class={wide ? "dialog wide" : "dialog"}
      aria-labelledby={id}
      onClose={onClose}
      onClick={(event) => event.target === box.current && box.current?.close()}
    >
      <header>
        <h2 id={id}>{title}</h2>
        <Button kind="quiet" icon="close" label={T.drawer.close} onClick={() => box.current?.close()} />
      </header>
      <div class="body">{children}</div>
    </dialog>
  );
}

export interface Choice {
  text: string;
  icon?: IconName;
  on?: () => void;
  isChosen?: boolean;
  isDangerous?: boolean;
  testid?: string;
}

/** A button that opens a list of choices. */
export function Menu({ label, icon, text, choices, head }: { label: string; icon?: IconName; text?: string; choices: Choice[]; head?: ComponentChildren }) {
  const [isOpen, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    if (!isOpen) return;
    const outside = (event: Event) => !box.current?.contains(event.target as Node) && setOpen(false);
    document.addEventListener("pointerdown", outside);
    (box.current?.querySelector("[role^=menuitem]") as HTMLElement | null)?.focus();
    return () => document.removeEventListener("pointerdown", outside);
  }, [isOpen]);
  const move = (event: KeyboardEvent) => {
    const items = [...(box.current?.querySelectorAll<HTMLElement>("[role^=menuitem]") ?? [])];
    const at = items.indexOf(document.activeElement as HTMLElement);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape" && isOpen) {
      event.stopPropagation();
      setOpen(false);
      box.current?.querySelector("button")?.focus();
    } else if (step && isOpen) {
      event.preventDefault();
      items[(at + step + items.length) % items.length]?.focus();
    }
  };
  return (
    <div class="menu" ref={box} onKeyDown={move}>
      <button type="button" class={`button quiet${text ? "" : " bare"}`} aria-haspopup="menu" aria-expanded={isOpen} aria-label={label} title={label} onClick={() => setOpen(!isOpen)}>
        {icon && <Icon name={icon} />}
        {text && <span>{text}</span>}
        {text && <Icon name="down" size={12} />}
      </button>
      {isOpen && (
        <div class="choices">
          {head}
          <div role="menu" aria-label={label}>
            {choices.map((choice) => (
              <button
                key={choice.text}
                type="button"
                role={choice.isChosen === undefined ? "menuitem" : "menuitemradio"}
                aria-checked={choice.isChosen}
                class={`${choice.isDangerous ? "danger" : ""}${choice.isChosen ? " chosen" : ""}`}
                data-testid={choice.testid}
                onClick={() => {
                  setOpen(false);
                  choice.on?.();
                }}
              >
                {choice.icon && <Icon name={choice.icon} />}
                <span>{choice.text}</span>
              </button>
            ))}
          </div>
        </div>
      )}
    </div>
  );
}

/** What is told once, in a corner. */
export function Tellings() {
  return (
    <>
      <div class="tellings" role="status" aria-live="polite">
        {told.value.map(({ id, text, isBad }) => (
          <div key={id} class={isBad ? "telling bad" : "telling"}>
            <span>{text}</span>
            <Button kind="quiet" icon="close" label={T.drawer.close} onClick={() => forget(id)} />
          </div>
        ))}
      </div>
      <div class="unseen" aria-live="polite">
        {heard.value}
      </div>
    </>
  );
}

/** Tabs that are links: each has its own address. */
export function Tabs<N extends string>({ names, at, link, label }: { names: readonly (readonly [N, string, number?])[]; at: N; link: (name: N) => string; label: string }) {
  return (
    <nav class="tabs" aria-label={label}>
      {names.map(([name, text, count]) => (
        <a key={name} href={link(name)} aria-current={name === at ? "page" : undefined} data-testid={`tab-${name}`}>
          {text}
          {count ? <span class="count">{count}</span> : null}
        </a>
      ))}
    </nav>
  );
}
