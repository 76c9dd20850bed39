// The sync that runs: how far it is, and what it waits for.

import { useEffect } from "preact/hooks";
import { Mark } from "../../parts/icon.tsx";
import { Button } from "../../parts/small.tsx";
import { readKey, spoken } from "../../pure/key.ts";
import { critical, type Progress } from "../../pure/progress.ts";
import type { AppState } from "../../state/app.ts";
import { set } from "../../state/router.ts";
import { heard } from "../../state/told.ts";
import { lasting } from "../../pure/time.ts";
import { T } from "../../texts.ts";

const TONES = { succeeded: "good", unchanged: "good", failed: "bad", interrupted: "bad", error: "bad" } as const;

export function ProgressBar({ app }: { app: AppState }) {
  const progress = app.progress.value;
  const outcome = progress?.outcome ?? null;
  useEffect(() => {
    if (outcome) heard.value = `${app.id.name}: ${T.progress[outcome]}`;
  }, [outcome]);
  if (!progress || app.isQuiet.value) return null;
  const { total, over, failed } = progress;
  const tone = outcome ? TONES[outcome] : "busy";
  return (
    <section class={`progress ${tone}`} aria-label={T.progress.running} data-testid="progress">
      <div class="line">
        <span class={`word ${tone}`}>
          <Mark shape={tone === "good" ? "check" : tone === "bad" ? "alert" : "ring"} />
          <b>{outcome ? T.progress[outcome] : T.progress.running}</b>
        </span>
        {total > 0 && <span class="number">{T.progress.of(over, total)}</span>}
        {failed > 0 && <span class="word bad">{T.progress.failedSteps(failed)}</span>}
        {outcome && progress.seconds > 0 && <span class="faint">{progress.seconds < 10 ? `${progress.seconds.toFixed(1)}s` : lasting(progress.seconds)}</span>}
        <Now app={app} progress={progress} />
        <span class="grow" />
        {outcome && <Button kind="quiet" icon="close" label={T.progress.hide} onClick={() => (app.isQuiet.value = true)} />}
      </div>
      <progress value={total > 0 ? over : undefined} max={Math.max(1, total)} aria-label={T.progress.of(over, total)} />
      {outcome && tone === "bad" && progress.notes.length > 0 && <pre class="told" tabIndex={0}>{progress.notes.join("\n")}</pre>}
    </section>
  );
}

/** What it waits for now: the first of the longest chain; or what failed. */
function Now({ app, progress }: { app: AppState; progress: Progress }) {
  const failed = [...progress.steps].find(([, step]) => step.state === "failed");
  const id = failed?.[0] ?? critical(progress)[0];
  const step = id ? progress.steps.get(id) : undefined;
  if (!id || !step || (progress.outcome && !failed)) return null;
  return (
    <a
      class="now"
      href={`?node=${encodeURIComponent(id)}`}
      onClick={(event) => {
        event.preventDefault();
        set({ node: id }, false);
      }}
    >
      {spoken({ ...readKey(id) })} <span class="faint">{T.progress.states[step.state]}</span>
      {step.reason && <span class="faint">: {step.reason}</span>}
      <span class="unseen">{app.id.name}</span>
    </a>
  );
}
