// A sync as it runs: its events, made into the state of each step.

import type { EventStep, PlanWait, RunEvent } from "../api/types.ts";

export type StepState = "waiting" | "applying" | "checking" | "done" | "failed" | "skipped";

export interface Step {
  action: EventStep["action"];
  state: StepState;
  /** What it waits for, those that go last first. */
  waitsFor: PlanWait[];
  /** What it says of itself, in words. */
  reason: string;
  seconds: number | null;
}

export interface Progress {
  graph: string;
  startedAt: string;
  /** How many steps there are, and how many are over. */
  total: number;
  over: number;
  failed: number;
  steps: Map<string, Step>;
  outcome: "unchanged" | "succeeded" | "failed" | "interrupted" | "error" | null;
  release: number | null;
  seconds: number;
  notes: string[];
}

export function nothing(): Progress {
  const none = { graph: "", startedAt: "", total: 0, over: 0, failed: 0, outcome: null, release: null, seconds: 0 };
  return { ...none, steps: new Map(), notes: [] };
}

/** Takes an event; gives the state after it. */
export function take(before: Progress, event: RunEvent): Progress {
  switch (event.event) {
    case "runStarted":
      return { ...nothing(), graph: event.graph, total: event.steps, startedAt: event.time };
    case "stepBlocked":
      return with_(before, event.step, { state: "waiting", waitsFor: event.waitsFor, reason: "" });
    case "stepStarted":
      return with_(before, event.step, { state: "applying", reason: "" });
    case "stepAccepted":
      return with_(before, event.step, { state: "checking", reason: "" });
    case "stepWaiting":
      return with_(before, event.step, { state: "checking", reason: event.reason, seconds: event.seconds });
    case "stepDone": {
      const state = { succeeded: "done", joined: "done", skipped: "skipped" }[event.outcome as string] ?? "failed";
      const next = with_(before, event.step, {
        state: state as StepState,
        reason: event.message ?? "",
        seconds: event.seconds,
      });
      return { ...next, over: next.over + 1, failed: next.failed + (state === "failed" ? 1 : 0) };
    }
    case "runDone":
      return { ...before, outcome: event.outcome, release: event.release, seconds: event.seconds };
    case "error":
      return { ...before, outcome: "error", notes: [...before.notes, event.message, ...event.details] };
    case "note":
    case "warning":
      return { ...before, notes: [...before.notes, event.message].slice(-50) };
    default:
      return before;
  }
}

function with_(before: Progress, step: EventStep, change: Partial<Step>): Progress {
  const known = before.steps.get(step.resource);
  const empty: Step = { action: step.action, state: "waiting", waitsFor: [], reason: "", seconds: null };
  // The map is changed in place: a sync of thousands of steps tells of each of them several times.
  before.steps.set(step.resource, { ...empty, ...known, ...change });
  return { ...before };
}

/** The chain of steps that ends with the one which is waited for the longest: what the sync takes its time for. */
export function critical(progress: Progress): string[] {
  const isOpen = (key: string) => {
    const step = progress.steps.get(key);
    return step !== undefined && (step.state === "waiting" || step.state === "applying" || step.state === "checking");
  };
  const lengths = new Map<string, [number, string]>();
  const length = (key: string): number => {
    const known = lengths.get(key);
    if (known) return known[0];
    lengths.set(key, [0, ""]);
    let [most, by] = [0, ""];
    for (const wait of progress.steps.get(key)?.waitsFor ?? []) {
      if (!isOpen(wait.resource)) continue;
      const one = length(wait.resource) + 1;
      if (one > most) [most, by] = [one, wait.resource];
    }
    lengths.set(key, [most, by]);
    return most;
  };
  let [last, most] = ["", -1];
  for (const key of progress.steps.keys()) if (isOpen(key) && length(key) > most) [last, most] = [key, length(key)];
  const path: string[] = [];
  for (let at = last; at && path.length < 10_000; at = lengths.get(at)?.[1] ?? "") path.push(at);
  return path.reverse();
}
