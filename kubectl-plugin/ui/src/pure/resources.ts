// All resources of an Application: what Git says, what the status says, what the cluster has, put together.

import type { ResourceState, Tree, TreeNode } from "../api/types.ts";
import type { Graph } from "./graph.ts";
import { writeKey, type Key } from "./key.ts";
import { rank, worst } from "./words.ts";

export interface Resource {
  id: string;
  key: Key;
  version: string;
  /** Empty where nothing is told, as of what others own. */
  sync: string;
  health: string;
  message: string;
  /** Left Git, and is still there. */
  isPruned: boolean;
  hook: string[] | null;
  /** Its number in the graph; -1 where it is not in it. */
  node: number;
  origin: string;
  layer: number;
  images: string[];
  createdAt: string;
  children: Resource[];
  /** How many are below it, and the worst health of it and them. */
  owned: number;
  worst: string;
}

export interface Resources {
  roots: Resource[];
  /** Roots and all below them. */
  byId: Map<string, Resource>;
}

export function referenceKey(reference: { group?: string; kind: string; namespace?: string; name: string }): Key {
  const { group = "", kind, namespace = "", name } = reference;
  return { group, kind, namespace, name };
}

/** Kinds that have been seen without a namespace. */
export function clusterWide(states: readonly ResourceState[]): Set<string> {
  const found = new Set<string>();
  for (const { group = "", kind, namespace } of states) if (!namespace) found.add(`${group}/${kind}`);
  return found;
}

export function together(graph: Graph | null, states: readonly ResourceState[], tree: Tree | null): Resources {
  const byId = new Map<string, Resource>();
  const roots: Resource[] = [];
  const root = (key: Key): Resource => {
    const id = writeKey(key);
    const known = byId.get(id);
    if (known) return known;
    const made = empty(id, key);
    byId.set(id, made);
    roots.push(made);
    return made;
  };
  graph?.nodes.forEach(({ key, hook, origin, layer }, node) => {
    if (key) Object.assign(root(key), { hook, origin, layer, node });
  });
  for (const state of states) {
    const found = root(referenceKey(state));
    found.version = state.version;
    found.sync = state.status;
    found.health = state.health?.status ?? "";
    found.message = state.health?.message ?? "";
    found.isPruned = state.requiresPruning === true;
  }
  for (const node of tree?.nodes ?? []) place(node, root, byId);
  for (const one of roots) sum(one);
  return { roots, byId };
}

function empty(id: string, key: Key): Resource {
  const texts = { version: "", sync: "", health: "", message: "", origin: "", createdAt: "", worst: "" };
  return { id, key, ...texts, isPruned: false, hook: null, node: -1, layer: 0, images: [], children: [], owned: 0 };
}

function place(node: TreeNode, root: (key: Key) => Resource, byId: Map<string, Resource>): void {
  const key = referenceKey(node);
  const id = writeKey(key);
  const parent = node.parentRefs?.map((reference) => byId.get(writeKey(referenceKey(reference)))).find(Boolean);
  let found = byId.get(id);
  if (!found && parent) {
    found = empty(id, key);
    byId.set(id, found);
    parent.children.push(found);
  }
  found ??= root(key);
  found.version = node.version ?? found.version;
  found.health = node.health?.status ?? found.health;
  found.message = node.health?.message ?? found.message;
  found.images = node.images ?? [];
  found.createdAt = node.createdAt ?? "";
}

function sum(one: Resource): void {
  one.owned = 0;
  for (const child of one.children) {
    sum(child);
    one.owned += 1 + child.owned;
  }
  one.children.sort((first, second) => rank(first.worst) - rank(second.worst) || (first.createdAt < second.createdAt ? 1 : -1));
  // What was replaced is there without Pods, and says nothing of its owner.
  one.worst = worst([one.health, ...one.children.map((child) => child.worst)].filter(Boolean));
}

/** Whether it is as it should be. */
export function isCalm(one: Resource): boolean {
  return !one.isPruned && (one.sync === "" || one.sync === "Synced") && (one.worst === "" || one.worst === "Healthy");
}

/** What one sees of it first. */
export function mainWord(one: Resource): string {
  if (one.worst && one.worst !== "Healthy") return one.worst;
  if (one.sync && one.sync !== "Synced") return one.sync;
  return one.worst || one.sync || "Unknown";
}
