// What a sync or a rollback would do, and the button that does it.

import { useMemo, useState } from "preact/hooks";
import { api, appPath } from "../../api/paths.ts";
import { get } from "../../api/request.ts";
import type { Plan, PlanStep } from "../../api/types.ts";
import { Empty, Failed, Skeleton } from "../../parts/states.tsx";
import { Button, Id } from "../../parts/small.tsx";
import { readKey, spoken, writeKey } from "../../pure/key.ts";
import { count, layers, risks, verb } from "../../pure/plan.ts";
import type { AppState } from "../../state/app.ts";
import { useLoad } from "../../state/load.ts";
import { go, place, set } from "../../state/router.ts";
import { T } from "../../texts.ts";
import { Changes } from "../changes.tsx";
import { rollback, sync } from "./actions.ts";
import { chosen } from "./resourcesTab.tsx";

export function PlanTab({ app }: { app: AppState }) {
  const { query } = place.value;
  const release = query.get("release") ?? "";
  const isPartial = query.get("chosen") === "true";
  const automated = app.application.value?.spec.syncPolicy?.automated;
  const [prune, setPrune] = useState(true);
  const status = app.application.value?.status;
  const isBusy = app.isRunning.value;
  const on = `${status?.sync?.revision ?? ""} ${status?.gitops?.live ?? ""} ${status?.reconciledAt ?? ""} ${isBusy}`;
  const values = { ...app.where, release, ...(release ? {} : { prune }) };
  const loaded = useLoad((signal) => get<Plan>(api.ours(app.id, "/plan"), values, signal), [on, prune], `plan ${release}`);
  if (!loaded.value && loaded.error) {
    return (
      <div class="page scroll" tabIndex={0}>
        <Failed error={loaded.error} verb="get" what="applications.argoproj.io" again={loaded.again} />
        {app.rights.value.patch && !release && loaded.error.status !== 501 && (
          <div class="go-on">
            <p class="faint">{T.plan.unavailable}</p>
            <Button icon="sync" onClick={() => void sync(app, { prune: automated?.prune === true })}>
              {T.app.sync}
            </Button>
          </div>
        )}
      </div>
    );
  }
  if (!loaded.value) return <Skeleton lines={6} />;
  return <Planned key={`${loaded.value.from} ${loaded.value.to}`} app={app} plan={loaded.value} release={release ? Number(release) : null} isPartial={isPartial} prune={prune} onPrune={setPrune} />;
}

interface Props {
  app: AppState;
  plan: Plan;
  release: number | null;
  isPartial: boolean;
  prune: boolean;
  onPrune: (prune: boolean) => void;
}

function Planned({ app, plan: whole, release, isPartial, prune, onPrune }: Props) {
  const only = isPartial ? chosen.get(`${app.id.namespace}/${app.id.name}`) : undefined;
  const plan = useMemo(() => (only ? { ...whole, steps: whole.steps.filter((step) => only.has(step.resource)) } : whole), [whole, only]);
  const [ticked, setTicked] = useState<ReadonlySet<string>>(new Set());
  const [isForced, setForced] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const counts = count(plan);
  const dangers = useMemo(() => risks(plan), [plan]);
  const refusals = plan.refusals ?? [];
  const isReady = dangers.every((risk) => ticked.has(risk.id)) && !app.isRunning.value;
  const run = async (dryRun: boolean) => {
    setBusy(true);
    const kinds = (action: string) => [...new Set(dangers.filter((risk) => (risk.step.action === "delete") === (action === "delete")).map((risk) => readKey(risk.id).kind))];
    const resources = only && [...only].map(readKey);
    const isDone =
      release === null
        ? await sync(app, { prune, dryRun, force: isForced, allowDelete: kinds("delete"), allowRecreate: kinds("recreate"), ...(resources ? { resources } : {}) })
        : await rollback(app, release, dryRun);
    setBusy(false);
    if (isDone && !dryRun) go(appPath(app.id));
  };
  return (
    <div class="page scroll plan" tabIndex={0} data-testid="plan">
      <header class="plan-head">
        <h2>{release === null ? T.plan.title : T.plan.rollback(release)}</h2>
        <Id id={plan.from ?? ""} /> <span aria-hidden="true">→</span> <Id id={plan.to} />
        <span class="faint">
          {T.plan.steps(plan.steps.length)}, {T.plan.unchanged(plan.unchanged)}
        </span>
        {only && (
          <>
            <b>{T.plan.partial(only.size)}</b>
            <Button kind="quiet" onClick={() => set({ chosen: null })}>
              {T.plan.back}
            </Button>
          </>
        )}
      </header>
      {release !== null && <p class="faint">{T.plan.rollbackWhat}</p>}
      {(refusals.length > 0 || plan.guards.length > 0) && (
        <section class="banner warn">
          <b>{T.plan.guards}</b>
          {[...refusals, ...plan.guards].map((text) => (
            <pre key={text}>{text}</pre>
          ))}
        </section>
      )}
      {dangers.length > 0 && (
        <fieldset class="risks">
          <legend>{T.plan.risks}</legend>
          <p class="faint">{T.plan.tick}</p>
          {dangers.map((risk) => (
            <label key={risk.id}>
              <input
                type="checkbox"
                checked={ticked.has(risk.id)}
                onChange={() => {
                  const next = new Set(ticked);
                  if (!next.delete(risk.id)) next.add(risk.id);
                  setTicked(next);
                }}
              />
              <span>{risk.text}</span>
            </label>
          ))}
        </fieldset>
      )}
      {app.rights.value.patch && (
        <div class="go-on">
          <Button kind={counts.delete > 0 && prune ? "danger" : "main"} icon={release === null ? "sync" : "rollback"} disabled={!isReady} busy={isBusy} onClick={() => void run(false)} testid="apply">
            {release === null ? verb(counts, prune) : T.plan.rollbackButton(release)}
          </Button>
          {release === null && (
            <Button disabled={app.isRunning.value} onClick={() => void run(true)}>
              {T.plan.try}
            </Button>
          )}
          {release === null && (
            <span class="options">
              <label>
                <input type="checkbox" checked={prune} onChange={() => onPrune(!prune)} /> {T.plan.prune}
              </label>
              <label>
                <input type="checkbox" checked={isForced} onChange={() => setForced(!isForced)} /> {T.plan.force}
              </label>
            </span>
          )}
        </div>
      )}
      {plan.steps.length === 0 ? <Empty title={T.plan.none}>{T.plan.noneWhat}</Empty> : <Steps plan={plan} />}
      <Rest title={T.plan.forgotten} lines={plan.forgotten.map(({ resource, reason }) => `${spoken(readKey(resource))}: ${reason}`)} />
      <Rest title={T.plan.kept} lines={plan.kept.map((resource) => spoken(readKey(resource)))} />
    </div>
  );
}

function Rest({ title, lines }: { title: string; lines: string[] }) {
  if (lines.length === 0) return null;
  return (
    <section>
      <h3>{title}</h3>
      <ul class="lines">
        {lines.map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
    </section>
  );
}

const SIGNS: Record<PlanStep["action"], string> = { create: "+", update: "~", delete: "-", hook: "›" };
/** More steps of one layer are behind a click. */
const MOST = 200;

function Steps({ plan }: { plan: Plan }) {
  return (
    <ol class="steps">
      {layers(plan).map(([layer, steps]) => (
        <li key={layer}>
          <h3>{T.graph.layer(layer)}</h3>
          <ul>
            {steps.slice(0, MOST).map((step) => (
              <Step key={`${step.resource} ${step.phase ?? ""}`} step={step} />
            ))}
          </ul>
          {steps.length > MOST && <p class="faint">… {steps.length - MOST}</p>}
        </li>
      ))}
    </ol>
  );
}

function Step({ step }: { step: PlanStep }) {
  const key = readKey(step.resource);
  const wait = step.waitsFor[0];
  return (
    <li class={`step ${step.action}`}>
      <details>
        <summary>
          <span class="sign" aria-hidden="true">
            {SIGNS[step.action]}
          </span>
          <span class="unseen">{T.plan.actions[step.action]}</span>
          <span class="kind">{key.kind}</span>
          <span class="what">{key.namespace ? `${key.namespace}/${key.name}` : key.name}</span>
          <span class="faint">{step.phase ?? T.plan.causes[step.cause] ?? step.cause}</span>
          {step.changes.length > 0 && <span class="count">{T.diff.changed(step.changes.length)}</span>}
          {wait && (
            <span class="faint wait">
              {T.plan.waits} {spoken(readKey(wait.resource))} ({wait.reason})
            </span>
          )}
        </summary>
        <div class="inside">
          {step.changes.length > 0 && <Changes fields={step.changes} />}
          {step.waitsFor.map((one) => (
            <p key={one.resource} class="faint">
              {T.plan.waits} {spoken(readKey(one.resource))}, {T.graph[one.state]}: {one.reason}
              {one.behind && `, ${T.plan.behind(one.behind.barrier)}`}
            </p>
          ))}
          <p>
            <a href={`?node=${encodeURIComponent(writeKey(key))}`}>{spoken(key)}</a>
          </p>
        </div>
      </details>
    </li>
  );
}
