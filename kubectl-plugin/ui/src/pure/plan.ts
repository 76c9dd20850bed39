// A plan, in words and numbers: what it does, and what of it cannot be undone.

import type { Plan, PlanStep } from "../api/types.ts";
import { T } from "../texts.ts";
import { readKey, spoken } from "./key.ts";

export interface Count {
  create: number;
  update: number;
  delete: number;
  hook: number;
}

export interface Risk {
  id: string;
  text: string;
  step: PlanStep;
}

export function count(plan: Plan): Count {
  const counts: Count = { create: 0, update: 0, delete: 0, hook: 0 };
  for (const step of plan.steps) counts[step.action] += 1;
  return counts;
}

/** What cannot be undone, and what is made again: each has to be ticked by its name. */
export function risks(plan: Plan): Risk[] {
  const losses = new Map(plan.losses.map(({ resource, reason }) => [resource, reason]));
  const found: Risk[] = [];
  for (const step of plan.steps) {
    const key = readKey(step.resource);
    const loss = losses.get(step.resource);
    if (loss) {
      found.push({ id: step.resource, step, text: `${spoken(key)} ${loss}` });
    } else if (step.recreatedFor) {
      found.push({ id: step.resource, step, text: T.plan.recreated(spoken(key), step.recreatedFor) });
    }
  }
  return found;
}

/** The words on the button: the verb and the count. */
export function verb(counts: Count, prunes: boolean): string {
  const applied = counts.create + counts.update + counts.hook;
  const deleted = prunes ? counts.delete : 0;
  if (applied === 0 && deleted === 0) return T.plan.again;
  const parts: string[] = [];
  if (applied > 0) parts.push(T.plan.apply(applied));
  if (deleted > 0) parts.push(T.plan.remove(deleted, applied === 0));
  return parts.join(", ");
}

/** Steps by layer, in order. */
export function layers(plan: Plan): [number, PlanStep[]][] {
  const found = new Map<number, PlanStep[]>();
  for (const step of plan.steps) {
    const steps = found.get(step.layer);
    if (steps) steps.push(step);
    else found.set(step.layer, [step]);
  }
  return [...found].sort(([one], [other]) => one - other);
}
