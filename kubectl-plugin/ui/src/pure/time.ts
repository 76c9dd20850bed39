// Times as people read them.

const STEPS: [number, string][] = [
  [60, "s"],
  [60, "m"],
  [24, "h"],
  [365, "d"],
];

/** How long ago something was, in one number: `12s`, `4m`, `3h`, `9d`, `2y`. Empty where the time is none. */
export function ago(time: string, now: number): string {
  const then = Date.parse(time);
  if (Number.isNaN(then)) return "";
  return lasting(Math.max(0, (now - then) / 1000));
}

/** How long something takes, in one number. */
export function lasting(seconds: number): string {
  let rest = seconds;
  for (const [size, unit] of STEPS) {
    if (rest < size) return `${Math.floor(rest)}${unit}`;
    rest /= size;
  }
  return `${Math.floor(rest)}y`;
}

/** The whole of it, in the zone of whoever reads it. */
export function exact(time: string): string {
  const then = new Date(time);
  if (Number.isNaN(then.getTime())) return time;
  return then.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "long" });
}
