// The state of things: which word, which shape, which tone. Never a colour alone.

export type Tone = "good" | "busy" | "warn" | "bad" | "idle";
export type Shape = "check" | "ring" | "differs" | "alert" | "pause" | "absent" | "unknown" | "dot";

export interface Look {
  tone: Tone;
  shape: Shape;
}

const LOOKS: Record<string, Look> = {
  Synced: { tone: "good", shape: "check" },
  OutOfSync: { tone: "warn", shape: "differs" },
  Healthy: { tone: "good", shape: "check" },
  Progressing: { tone: "busy", shape: "ring" },
  Degraded: { tone: "bad", shape: "alert" },
  Suspended: { tone: "idle", shape: "pause" },
  Missing: { tone: "warn", shape: "absent" },
  Running: { tone: "busy", shape: "ring" },
  Terminating: { tone: "busy", shape: "ring" },
  Succeeded: { tone: "good", shape: "check" },
  Successful: { tone: "good", shape: "check" },
  Failed: { tone: "bad", shape: "alert" },
  Error: { tone: "bad", shape: "alert" },
};

export function look(word: string): Look {
  return (Object.hasOwn(LOOKS, word) && LOOKS[word]) || { tone: "idle", shape: "unknown" };
}

/** The worse of health words comes first. */
const WORST = ["Degraded", "Missing", "Progressing", "Unknown", "Suspended", "Healthy"];

export function rank(health: string): number {
  const at = WORST.indexOf(health);
  return at < 0 ? WORST.length : at;
}

export function worst(words: Iterable<string>): string {
  let found = "";
  for (const word of words) if (!found || rank(word) < rank(found)) found = word;
  return found;
}

export const SYNC_WORDS = ["OutOfSync", "Unknown", "Synced"] as const;
export const HEALTH_WORDS = WORST;
