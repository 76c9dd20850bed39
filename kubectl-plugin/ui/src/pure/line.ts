// Releases as a line with parents: which lane each is in, and where a rollback bends back.

import type { Release } from "../api/types.ts";

export interface Bend {
  /** Rows, from the newest on. */
  from: number;
  to: number;
}

export interface Line {
  releases: Release[];
  /** Rollbacks: from the release to the one whose graph it took. */
  bends: Bend[];
}

/** The newest first. */
export function line(releases: readonly Release[]): Line {
  const sorted = [...releases].sort((one, other) => other.release - one.release);
  const rows = new Map(sorted.map((one, at) => [one.release, at]));
  const bends: Bend[] = [];
  sorted.forEach(({ rollbackTo }, from) => {
    const to = rollbackTo === null ? undefined : rows.get(rollbackTo);
    if (to !== undefined && to > from) bends.push({ from, to });
  });
  return { releases: sorted, bends };
}

/** How far out each bend goes, so that none lies on another. */
export function lanes(bends: readonly Bend[]): number[] {
  const ends: number[] = [];
  return bends.map(({ from, to }) => {
    const free = ends.findIndex((end) => end <= from);
    const lane = free < 0 ? ends.length : free;
    ends[lane] = to;
    return lane;
  });
}
