// The head of an Application: how it is, in words, and what one may do.

import { useState } from "preact/hooks";
import { appPath } from "../../api/paths.ts";
import type { Application } from "../../api/types.ts";
import { Dialog, Menu, type Choice } from "../../parts/over.tsx";
import { Button, Commit, Id, Tag, Word } from "../../parts/small.tsx";
import type { AppState } from "../../state/app.ts";
import { isCalm } from "../../pure/resources.ts";
import { go } from "../../state/router.ts";
import { spoken } from "../../pure/key.ts";
import { T, word } from "../../texts.ts";
import { hold, refresh, release, terminate } from "./actions.ts";

export const HOLD_WARNING = "RollbackHoldWarning";

export function isHeld(app: AppState, application: Application): boolean {
  return app.isHeld.value || application.status?.conditions?.some((condition) => condition.type === HOLD_WARNING) === true;
}

export function Header({ app, application }: { app: AppState; application: Application }) {
  const { status, spec, metadata } = application;
  const automated = spec.syncPolicy?.automated;
  const next = status?.gitops?.desired && status.gitops.live && status.gitops.desired !== status.gitops.live ? status.gitops.desired : "";
  const last = status?.history?.at(-1);
  return (
    <header class="app-head">
      <div class="title">
        <h1>{metadata.name}</h1>
        <span class="faint">{metadata.namespace}</span>
        <a class="faint" href={`/applications?project=${encodeURIComponent(spec.project ?? "default")}`}>
          {spec.project || "default"}
        </a>
        {metadata.deletionTimestamp && <Tag tone="bad">{T.app.deletingShort}</Tag>}
        <Actions app={app} application={application} />
      </div>
      <div class="facts-line">
        <Word word={status?.sync?.status ?? "Unknown"} text={syncWords(app, application)} />
        <Word word={status?.health?.status ?? "Unknown"} text={healthWords(app, application)} />
        <span class="fact">
          {T.app.deployed} <b class="number">{status?.gitops?.release ?? last?.id ?? "–"}</b>
          <Id id={status?.gitops?.live ?? ""} />
          {next && (
            <>
              <span aria-hidden="true">→</span> <a href={appPath(app.id, "plan")} title={T.app.next}><Id id={next} /></a>
            </>
          )}
        </span>
        <span class="fact">
          <Commit revision={status?.sync?.revision ?? status?.sync?.revisions?.[0] ?? ""} />
          {status?.gitops?.subject && <span class="subject faint">{status.gitops.subject}</span>}
        </span>
        <span class="fact faint">
          {automated && automated.enabled !== false ? [T.app.automatic, automated.selfHeal && T.app.heals, automated.prune && T.app.prunes].filter(Boolean).join(", ") : T.app.manual}
        </span>
      </div>
      <Conditions app={app} application={application} />
    </header>
  );
}

function Conditions({ app, application }: { app: AppState; application: Application }) {
  const { status, metadata } = application;
  const conditions = status?.conditions?.filter((condition) => condition.type !== HOLD_WARNING) ?? [];
  return (
    <>
      {metadata.deletionTimestamp && <div class="banner warn">{T.app.deleting}</div>}
      {isHeld(app, application) && (
        <div class="banner held" data-testid="held">
          {app.isHeld.value ? T.history.holdAll : T.app.held}
        </div>
      )}
      {conditions.map(({ type, message }) => (
        <div key={type + message} class={`banner ${type.endsWith("Error") ? "bad" : "warn"}`} role="status" data-testid="condition">
          <b>{type}</b>
          <pre>{message}</pre>
        </div>
      ))}
    </>
  );
}

function syncWords(app: AppState, application: Application): string {
  const status = application.status?.sync?.status ?? "Unknown";
  const out = app.resources.value.roots.filter((one) => one.sync === "OutOfSync" || one.isPruned).length;
  return status === "OutOfSync" && out > 0 ? `${word(status)}: ${T.app.outOf(out)}` : word(status);
}

/** The health, and the first of what makes it so. */
function healthWords(app: AppState, application: Application): string {
  const health = application.status?.health;
  const status = health?.status ?? "Unknown";
  if (status === "Healthy") return status;
  const cause = app.resources.value.roots.find((one) => one.worst === status && !isCalm(one));
  const at = cause ? [cause, ...cause.children, ...cause.children.flatMap((child) => child.children)].findLast((one) => one.health === status) : undefined;
  const why = at?.message || health?.message || "";
  return cause ? `${status}: ${spoken({ ...cause.key, namespace: "" })}${why ? `: ${why}` : ""}` : status;
}

function Actions({ app, application }: { app: AppState; application: Application }) {
  const [asks, setAsks] = useState<"" | "hold" | "release">("");
  const [isBusy, setBusy] = useState(false);
  if (!app.rights.value.patch) return <span class="actions" />;
  const compare = async (isHard: boolean) => {
    setBusy(true);
    await refresh(app, isHard);
    setBusy(false);
  };
  const isRunning = app.isRunning.value;
  const more: Choice[] = [
    { text: T.app.rollback, icon: "rollback", on: () => go(appPath(app.id, "history")), testid: "rollback" },
    isHeld(app, application)
      ? { text: T.app.release, icon: "play", on: () => setAsks("release"), testid: "release" }
      : { text: T.app.hold, icon: "hold", on: () => setAsks("hold"), testid: "hold" },
    { text: T.app.hardRefresh, icon: "refresh", on: () => void compare(true) },
  ];
  if (isHeld(app, application)) more.push({ text: T.app.hold, icon: "hold", on: () => setAsks("hold"), testid: "hold" });
  else more.push({ text: T.app.release, icon: "play", on: () => setAsks("release"), testid: "release" });
  return (
    <span class="actions">
      {isRunning && (
        <Button kind="danger" icon="stop" onClick={() => void terminate(app)} testid="terminate">
          {T.app.terminate}
        </Button>
      )}
      <Button icon="refresh" busy={isBusy} onClick={() => void compare(false)} testid="refresh">
        {isBusy ? T.app.refreshing : T.app.refresh}
      </Button>
      <Button kind="main" icon="sync" onClick={() => go(appPath(app.id, "plan"))} testid="sync">
        {T.app.sync}
      </Button>
      <Menu label={T.app.more} icon="more" choices={more} />
      {asks === "hold" && <Hold app={app} onClose={() => setAsks("")} />}
      {asks === "release" && <Release app={app} onClose={() => setAsks("")} />}
    </span>
  );
}

function Hold({ app, onClose }: { app: AppState; onClose: () => void }) {
  const [reason, setReason] = useState("");
  const send = async (event: Event) => {
    event.preventDefault();
    if (await hold(app, reason)) onClose();
  };
  return (
    <Dialog title={T.hold.title} onClose={onClose}>
      <form onSubmit={(event) => void send(event)}>
        <p>{T.hold.what}</p>
        <label for="reason">{T.hold.reason}</label>
        <input id="reason" value={reason} placeholder={T.hold.placeholder} maxLength={500} onInput={(event) => setReason(event.currentTarget.value)} />
        <div class="buttons">
          <Button onClick={onClose}>{T.hold.cancel}</Button>
          <Button type="submit" kind="main" testid="hold-now">
            {T.hold.button}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function Release({ app, onClose }: { app: AppState; onClose: () => void }) {
  const send = async () => {
    if (await release(app)) onClose();
  };
  return (
    <Dialog title={T.hold.releaseTitle} onClose={onClose}>
      <p>{T.hold.releaseWhat}</p>
      <div class="buttons">
        <Button onClick={onClose}>{T.hold.cancel}</Button>
        <Button kind="main" onClick={() => void send()} testid="release-now">
          {T.hold.releaseButton}
        </Button>
      </div>
    </Dialog>
  );
}
