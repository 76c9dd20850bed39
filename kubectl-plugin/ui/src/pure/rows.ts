// The list of Applications: filtered, sorted, grouped. Ten thousand of them take a few milliseconds.

import type { Row } from "../api/types.ts";
import { rank, SYNC_WORDS } from "./words.ts";

export type SortBy = "name" | "project" | "sync" | "health" | "release" | "changed";
export type GroupBy = "" | "project" | "namespace" | "cluster" | "health" | "sync";

export interface Wanted {
  search: string;
  sync: string[];
  health: string[];
  project: string;
  namespace: string;
  cluster: string;
  held: boolean;
  sort: SortBy;
  descending: boolean;
  group: GroupBy;
}

export type Item = { group: string; count: number } | { row: Row };

export function readWanted(query: URLSearchParams): Wanted {
  const one = (name: string) => query.get(name) ?? "";
  const sort = one("sort").replace(/^-/, "") as SortBy;
  return {
    search: one("search"),
    sync: query.getAll("sync"),
    health: query.getAll("health"),
    project: one("project"),
    namespace: one("namespace"),
    cluster: one("cluster"),
    held: one("held") === "true",
    sort: Object.hasOwn(SORTS, sort) ? sort : "name",
    descending: one("sort").startsWith("-"),
    group: (["project", "namespace", "cluster", "health", "sync"].includes(one("group")) ? one("group") : "") as GroupBy,
  };
}

const SORTS: Record<SortBy, (one: Row, other: Row) => number> = {
  name: () => 0,
  project: (one, other) => compare(one.project, other.project),
  sync: (one, other) => at(one.sync) - at(other.sync),
  health: (one, other) => rank(one.health) - rank(other.health),
  release: (one, other) => (one.release ?? -1) - (other.release ?? -1),
  changed: (one, other) => compare(other.deployedAt ?? "", one.deployedAt ?? ""),
};

export function takes(wanted: Wanted, row: Row): boolean {
  const text = wanted.search.toLowerCase();
  return (
    (!text || row.name.toLowerCase().includes(text) || row.project.toLowerCase().includes(text) || row.revision.startsWith(text)) &&
    (wanted.sync.length === 0 || wanted.sync.includes(row.sync)) &&
    (wanted.health.length === 0 || wanted.health.includes(row.health)) &&
    (!wanted.project || row.project === wanted.project) &&
    (!wanted.namespace || row.namespace === wanted.namespace) &&
    (!wanted.cluster || row.cluster === wanted.cluster) &&
    (!wanted.held || row.held === true)
  );
}

export function arrange(rows: Iterable<Row>, wanted: Wanted): Item[] {
  const found: Row[] = [];
  for (const row of rows) if (takes(wanted, row)) found.push(row);
  const by = SORTS[wanted.sort];
  const turn = wanted.descending ? -1 : 1;
  found.sort((one, other) => turn * (by(one, other) || compare(one.name, other.name)) || compare(one.namespace, other.namespace));
  if (!wanted.group) return found.map((row) => ({ row }));
  const name = wanted.group;
  const groups = new Map<string, Row[]>();
  for (const row of found) {
    const members = groups.get(row[name]);
    if (members) members.push(row);
    else groups.set(row[name], [row]);
  }
  const order = [...groups].sort(([one], [other]) => (name === "health" ? rank(one) - rank(other) : compare(one, other)));
  return order.flatMap(([group, rows]): Item[] => [{ group, count: rows.length }, ...rows.map((row) => ({ row }))]);
}

export interface Counts {
  total: number;
  held: number;
  syncing: number;
  sync: Map<string, number>;
  health: Map<string, number>;
}

export function counts(rows: Iterable<Row>): Counts {
  const found: Counts = { total: 0, held: 0, syncing: 0, sync: new Map(), health: new Map() };
  for (const row of rows) {
    found.total += 1;
    if (row.held) found.held += 1;
    if (row.operation === "Running") found.syncing += 1;
    found.sync.set(row.sync, (found.sync.get(row.sync) ?? 0) + 1);
    found.health.set(row.health, (found.health.get(row.health) ?? 0) + 1);
  }
  return found;
}

function at(sync: string): number {
  const found = (SYNC_WORDS as readonly string[]).indexOf(sync);
  return found < 0 ? SYNC_WORDS.length : found;
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
