// What happened to an Application: the last sync, conditions, Events.

import { api } from "../../api/paths.ts";
import { get } from "../../api/request.ts";
import type { KubeEvent, OperationState } from "../../api/types.ts";
import { Failed, Skeleton } from "../../parts/states.tsx";
import { Ago, Commit, Tag, Word } from "../../parts/small.tsx";
import type { AppState } from "../../state/app.ts";
import { useLoad } from "../../state/load.ts";
import { T } from "../../texts.ts";

export function ActivityTab({ app }: { app: AppState }) {
  const status = app.application.value?.status;
  const version = String(app.application.value?.metadata.resourceVersion ?? "");
  return (
    <div class="page scroll" tabIndex={0}>
      {status?.operationState && <LastSync state={status.operationState} />}
      <section>
        <h2>{T.activity.events}</h2>
        <Events app={app} values={{}} on={version} />
      </section>
    </div>
  );
}

function LastSync({ state }: { state: OperationState }) {
  const by = state.operation?.initiatedBy;
  const failed = state.syncResult?.resources?.filter((one) => one.status === "SyncFailed" || one.hookPhase === "Failed") ?? [];
  return (
    <section>
      <h2>{T.activity.sync}</h2>
      <p class="facts-line">
        <Word word={state.phase} />
        <span>
          <Ago time={state.finishedAt || state.startedAt} suffix />
        </span>
        <Commit revision={state.syncResult?.revision ?? ""} />
        <span class="faint">
          {T.activity.by} {by?.username || T.activity.automated}
        </span>
      </p>
      {state.message && <pre class="told" tabIndex={0}>{state.message}</pre>}
      {failed.length > 0 && (
        <ul class="lines">
          {failed.map((one) => (
            <li key={`${one.kind}/${one.namespace}/${one.name}`}>
              <Word word="Failed" text={`${one.kind} ${one.name}`} />
              <span class="message">{one.message}</span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function when(event: KubeEvent): string {
  return event.lastTimestamp || event.eventTime || event.firstTimestamp || event.metadata?.creationTimestamp || "";
}

/** Events of the Application, or of one of its objects. */
export function Events({ app, values, kind, on }: { app: AppState; values: Record<string, string>; kind?: string; on: string }) {
  const loaded = useLoad(
    (signal) => get<{ items: KubeEvent[] | null }>(api.app(app.id, "/events"), { ...app.where, ...values }, signal),
    [on],
    JSON.stringify(values),
  );
  if (loaded.error && !loaded.value) return <Failed error={loaded.error} verb="list" what="events" again={loaded.again} />;
  if (!loaded.value) return <Skeleton lines={4} />;
  const all = (loaded.value.items ?? []).filter((event) => !kind || event.involvedObject?.kind === kind);
  const events = all.sort((one, other) => (when(one) < when(other) ? 1 : -1));
  if (events.length === 0) {
    return (
      <p class="faint">
        {T.drawer.noEvents}. {T.drawer.noEventsWhat}
      </p>
    );
  }
  return (
    <ul class="lines events" data-testid="events">
      {events.map((event, at) => (
        <li key={event.metadata?.uid ?? at}>
          <span class="when">
            <Ago time={when(event)} />
          </span>
          <span class={event.type === "Warning" ? "reason warn" : "reason"}>{event.reason}</span>
          <span class="grow message">{event.message}</span>
          {event.count && event.count > 1 ? <Tag>×{event.count}</Tag> : null}
        </li>
      ))}
    </ul>
  );
}
