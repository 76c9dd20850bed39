// What a person asks for.

import { api } from "../../api/paths.ts";
import { getProved, send } from "../../api/request.ts";
import type { Application } from "../../api/types.ts";
import type { AppState } from "../../state/app.ts";
import { tell } from "../../state/told.ts";
import { T } from "../../texts.ts";

export interface SyncWish {
  prune: boolean;
  dryRun?: boolean;
  force?: boolean;
  resources?: { group: string; kind: string; namespace: string; name: string }[];
  /** Kinds that may be deleted, and deleted and made again. */
  allowDelete?: string[];
  allowRecreate?: string[];
}

/** Asks; says what went wrong, or what was done. Gives whether it went well. */
async function asked(what: () => Promise<unknown>, done: string): Promise<boolean> {
  try {
    await what();
    if (done) tell(done);
    return true;
  } catch (error) {
    tell((error as Error).message, true);
    return false;
  }
}

export async function refresh(app: AppState, isHard: boolean): Promise<void> {
  await asked(async () => {
    const values = { ...app.where, refresh: isHard ? "hard" : "normal" };
    app.application.value = await getProved<Application>(api.app(app.id), values);
    await app.loadGraph(true);
  }, T.app.refreshed);
}

export async function sync(app: AppState, wish: SyncWish): Promise<boolean> {
  const note = (name: string, values: string[] = []) => (values.length > 0 ? [{ name: `kubectl-gitops/${name}`, value: values.join(",") }] : []);
  const body = {
    prune: wish.prune,
    dryRun: wish.dryRun === true,
    ...(wish.resources ? { resources: wish.resources } : {}),
    ...(wish.force ? { strategy: { hook: { force: true } } } : {}),
    infos: [...note("allow-delete", wish.allowDelete), ...note("allow-recreate", wish.allowRecreate)],
  };
  return begun(app, () => send("POST", api.app(app.id, "/sync"), app.where, body));
}

export async function rollback(app: AppState, release: number, isTried: boolean): Promise<boolean> {
  return begun(app, () => send("POST", api.app(app.id, "/rollback"), app.where, { id: release, dryRun: isTried }));
}

async function begun(app: AppState, what: () => Promise<unknown>): Promise<boolean> {
  const isDone = await asked(what, T.plan.started);
  if (isDone) {
    void app.load();
  }
  return isDone;
}

export async function terminate(app: AppState): Promise<void> {
  await asked(() => send("DELETE", api.app(app.id, "/operation"), app.where), "");
}

export async function hold(app: AppState, reason: string): Promise<boolean> {
  const isDone = await asked(() => send("POST", api.ours(app.id, "/hold"), app.where, { reason }), T.hold.done);
  await app.loadHold();
  return isDone;
}

export async function release(app: AppState): Promise<boolean> {
  const isDone = await asked(() => send("POST", api.ours(app.id, "/release"), app.where, {}), T.hold.released);
  await app.loadHold();
  return isDone;
}
