// The graph of an Application: nodes by number, edges between them, and layers by what waits for what.

import type { EdgeShown, GraphShown } from "../api/types.ts";
import { bind, readKey, spoken, writeKey, type Key } from "./key.ts";

export interface GraphNode {
  /** The bound key as one text, or the name of a barrier. */
  id: string;
  /** Nothing for a barrier. */
  key: Key | null;
  /** The phases of a hook. */
  hook: string[] | null;
  origin: string;
  /** How many edges lead from what it waits for at most. */
  layer: number;
}

export interface GraphEdge {
  /** What waits. */
  from: number;
  /** What it waits for. */
  to: number;
  about: EdgeShown;
}

export interface Graph {
  id: string;
  nodes: GraphNode[];
  edges: GraphEdge[];
  /** What each waits for, and what waits for it, as numbers of edges. */
  needs: number[][];
  neededBy: number[][];
  layers: number;
}

/** Reads a graph. `wide` names kinds that are in no namespace, beside those that everybody knows. */
export function readGraph(shown: GraphShown, destination: string, wide?: ReadonlySet<string>): Graph {
  const nodes: GraphNode[] = [];
  const numbers = new Map<string, number>();
  const named = new Map<string, number>();
  for (const { resource, hook, origin } of shown.resources) {
    const written = readKey(resource);
    const key = bind(written, destination, wide);
    const place = origin ? origin.path + (origin.line ? `:${origin.line}` : "") : "";
    named.set(qualified(written), nodes.length);
    numbers.set(writeKey(key), nodes.length);
    nodes.push({ id: writeKey(key), key, hook, origin: place, layer: 0 });
  }
  const number = (name: string): number => {
    const known = named.get(name);
    if (known !== undefined) return known;
    named.set(name, nodes.length);
    nodes.push({ id: `:${name}`, key: null, hook: null, origin: "", layer: 0 });
    return nodes.length - 1;
  };
  // What orders deletion only is no reason to wait for anything.
  const shownEdges = shown.edges.filter((edge) => edge.state !== "absent");
  const edges = shownEdges.map((about) => ({ from: number(about.from), to: number(about.to), about }));
  const needs: number[][] = nodes.map(() => []);
  const neededBy: number[][] = nodes.map(() => []);
  edges.forEach(({ from, to }, at) => {
    needs[from]?.push(at);
    neededBy[to]?.push(at);
  });
  const graph = { id: shown.graph, nodes, edges, needs, neededBy, layers: 0 };
  graph.layers = layer(graph);
  return graph;
}

/** As the API speaks of an object in edges: `Kind.group ns/name` where the group is not Kubernetes' own. */
function qualified(key: Key): string {
  const own = !key.group.includes(".") || key.group.endsWith(".k8s.io");
  return spoken(own ? key : { ...key, kind: `${key.kind}.${key.group}` });
}

/** Sets the layer of each node; gives how many there are. Nodes of a cycle, which no graph has, come last. */
function layer({ nodes, edges, needs, neededBy }: Graph): number {
  const open = needs.map((list) => list.length);
  const next: number[] = [];
  open.forEach((count, node) => count === 0 && next.push(node));
  let [most, done] = [nodes.length === 0 ? -1 : 0, 0];
  for (let at = 0; at < next.length; at += 1) {
    const node = next[at] as number;
    done += 1;
    const own = (nodes[node] as GraphNode).layer;
    most = Math.max(most, own);
    for (const edge of neededBy[node] ?? []) {
      const from = (edges[edge] as GraphEdge).from;
      const waiting = nodes[from] as GraphNode;
      waiting.layer = Math.max(waiting.layer, own + 1);
      open[from] = (open[from] ?? 0) - 1;
      if (open[from] === 0) next.push(from);
    }
  }
  if (done < nodes.length) {
    most += 1;
    open.forEach((count, node) => count > 0 && ((nodes[node] as GraphNode).layer = most));
  }
  return most + 1;
}
