// Where the nodes of a graph are drawn: layers from left to right, many of one kind in one layer folded into one.

import type { Graph } from "./graph.ts";

export const WIDTH = 208;
export const HEIGHT = 44;
const GAP_X = 72;
const GAP_Y = 12;
const GAP_COLUMN = 16;
/** So many of a kind in a layer are few enough to be drawn one by one. */
const FEW = 4;

export interface Box {
  id: string;
  /** One node, or those that are folded. */
  members: number[];
  kind: string;
  x: number;
  y: number;
}

export interface Line {
  from: number;
  to: number;
  /** Edges of the graph that it stands for. */
  edges: number[];
}

export interface Layout {
  boxes: Box[];
  lines: Line[];
  /** The box of each node; -1 where it is not drawn. */
  boxOf: number[];
  width: number;
  height: number;
}

export interface Wish {
  /** Whether a node is drawn at all. */
  isShown(node: number): boolean;
  /** Whether a node may disappear in a fold. */
  mayFold(node: number): boolean;
  /** Folds that are open. */
  open: ReadonlySet<string>;
}

export function lay(graph: Graph, wish: Wish): Layout {
  const layers: Box[][] = Array.from({ length: graph.layers }, () => []);
  const boxOf = graph.nodes.map(() => -1);
  for (const [id, members] of groups(graph, wish)) {
    const first = graph.nodes[members[0] as number];
    layers[first?.layer ?? 0]?.push({ id, members, kind: first?.key?.kind ?? "", x: 0, y: 0 });
  }
  const shown = layers.filter((boxes) => boxes.length > 0);
  const boxes = shown.flat();
  boxes.forEach((box, at) => box.members.forEach((node) => (boxOf[node] = at)));
  const lines = connect(graph, boxOf);
  order(shown, boxes, lines);
  const [width, height] = place(shown);
  return { boxes, lines, boxOf, width, height };
}

function groups(graph: Graph, wish: Wish): Map<string, number[]> {
  const found = new Map<string, number[]>();
  graph.nodes.forEach((node, number) => {
    if (!wish.isShown(number)) return;
    const fold = `fold:${node.layer}:${node.key?.group ?? ""}/${node.key?.kind ?? ""}`;
    const id = node.key && wish.mayFold(number) && !wish.open.has(fold) ? fold : node.id;
    const members = found.get(id);
    if (members) members.push(number);
    else found.set(id, [number]);
  });
  for (const [id, members] of found) {
    if (!id.startsWith("fold:") || members.length >= FEW) continue;
    found.delete(id);
    for (const number of members) found.set((graph.nodes[number] as { id: string }).id, [number]);
  }
  return found;
}

function connect(graph: Graph, boxOf: number[]): Line[] {
  const lines = new Map<number, Line>();
  graph.edges.forEach(({ from, to }, edge) => {
    const [left, right] = [boxOf[to] as number, boxOf[from] as number];
    if (left < 0 || right < 0 || left === right) return;
    const id = right * graph.nodes.length + left;
    const line = lines.get(id);
    if (line) line.edges.push(edge);
    else lines.set(id, { from: right, to: left, edges: [edge] });
  });
  return [...lines.values()];
}

/** Puts each layer in the order of what its boxes are connected to, to and fro, so that few lines cross. */
function order(layers: Box[][], boxes: Box[], lines: Line[]): void {
  const number = new Map(boxes.map((box, at) => [box, at]));
  const sides: [number[][], number[][]] = [boxes.map(() => []), boxes.map(() => [])];
  for (const { from, to } of lines) {
    sides[0][from]?.push(to);
    sides[1][to]?.push(from);
  }
  const rank = boxes.map(() => 0);
  const note = (layer: Box[]) => layer.forEach((box, at) => (rank[number.get(box) as number] = at / layer.length));
  for (const layer of layers) {
    layer.sort((one, other) => (one.kind === other.kind ? (one.id < other.id ? -1 : 1) : one.kind < other.kind ? -1 : 1));
    note(layer);
  }
  for (const [side, path] of [[sides[0], layers.slice(1)], [sides[1], layers.slice(0, -1).reverse()], [sides[0], layers.slice(1)]] as const) {
    for (const layer of path) {
      const wanted = new Map(
        layer.map((box) => {
          const near = side[number.get(box) as number] ?? [];
          const own = rank[number.get(box) as number] as number;
          return [box, near.length ? near.reduce((sum, at) => sum + (rank[at] as number), 0) / near.length : own];
        }),
      );
      layer.sort((one, other) => (wanted.get(one) as number) - (wanted.get(other) as number));
      note(layer);
    }
  }
}

/** Sets where boxes are. A layer that is too high has several columns. */
function place(layers: Box[][]): [number, number] {
  const total = layers.reduce((sum, layer) => sum + layer.length, 0);
  const rows = Math.max(20, Math.ceil(Math.sqrt(total * 2.6)));
  const columnsOf = (layer: Box[]) => Math.max(1, Math.ceil(layer.length / rows));
  const highest = layers.reduce((most, layer) => Math.max(most, Math.ceil(layer.length / columnsOf(layer))), 0);
  const step = HEIGHT + GAP_Y;
  let x = 0;
  for (const layer of layers) {
    const columns = columnsOf(layer);
    const high = Math.ceil(layer.length / columns);
    const top = ((highest - high) * step) / 2;
    layer.forEach((box, at) => {
      box.x = x + Math.floor(at / high) * (WIDTH + GAP_COLUMN);
      box.y = top + (at % high) * step;
    });
    x += columns * (WIDTH + GAP_COLUMN) - GAP_COLUMN + GAP_X;
  }
  return [Math.max(0, x - GAP_X), Math.max(0, highest * step - GAP_Y)];
}
