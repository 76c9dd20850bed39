// Draws a graph: boxes, lines between them, a small map. Knows nothing of the page but its colours.

import { HEIGHT, WIDTH, type Box, type Layout } from "../../pure/layout.ts";
import type { Shape, Tone } from "../../pure/words.ts";
import { SHAPES } from "../../parts/icon.tsx";

export interface Size {
  width: number;
  height: number;
}

export interface View {
  x: number;
  y: number;
  scale: number;
}

/** What a box shows. */
export interface Face {
  title: string;
  kind: string;
  /** What is said below the name, where there is something. */
  note: string;
  tone: Tone;
  shape: Shape;
  /** How many are behind it. */
  count: number;
  isFold: boolean;
  isBarrier: boolean;
}

export interface Scene {
  layout: Layout;
  faces: Face[];
  chosen: number;
  hovered: number;
  cursor: number;
  /** Boxes next to the one that is looked at. */
  near: ReadonlySet<number>;
  /** Lines of the longest chain of a sync. */
  critical: ReadonlySet<number>;
  hoveredLine: number;
}

export interface Palette {
  surface: string;
  page: string;
  border: string;
  text: string;
  faint: string;
  line: string;
  accent: string;
  tones: Record<Tone, string>;
  font: string;
}

export function palette(element: Element): Palette {
  const style = getComputedStyle(element);
  const of = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const tones = { good: of("good"), busy: of("busy"), warn: of("warn"), bad: of("bad"), idle: of("idle") };
  return {
    surface: of("surface"),
    page: of("page"),
    border: of("border"),
    text: of("text"),
    faint: of("faint"),
    line: of("line"),
    accent: of("accent"),
    tones,
    font: style.fontFamily,
  };
}

const shapes = new Map<Shape, Path2D>();
function path(shape: Shape): Path2D {
  const known = shapes.get(shape) ?? new Path2D(SHAPES[shape]);
  shapes.set(shape, known);
  return known;
}

/** Texts as they fit, by font, width and text. */
const fitted = new Map<string, string>();
function fit(context: CanvasRenderingContext2D, text: string, width: number): string {
  const id = `${context.font} ${width} ${text}`;
  const known = fitted.get(id);
  if (known !== undefined) return known;
  let end = text.length;
  if (context.measureText(text).width > width) {
    let low = 0;
    while (low < end - 1) {
      const middle = (low + end) >> 1;
      if (context.measureText(`${text.slice(0, middle)}…`).width <= width) low = middle;
      else end = middle;
    }
    end = low;
  }
  const made = end < text.length ? `${text.slice(0, end)}…` : text;
  if (fitted.size > 50_000) fitted.clear();
  fitted.set(id, made);
  return made;
}

interface Ends {
  x1: number;
  y1: number;
  x2: number;
  y2: number;
}

export function ends(layout: Layout, line: { from: number; to: number }): Ends {
  const [left, right] = [layout.boxes[line.to] as Box, layout.boxes[line.from] as Box];
  return { x1: left.x + WIDTH, y1: left.y + HEIGHT / 2, x2: right.x, y2: right.y + HEIGHT / 2 };
}

export function draw(context: CanvasRenderingContext2D, scene: Scene, view: View, size: Size, colours: Palette): void {
  const ratio = devicePixelRatio || 1;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, size.width, size.height);
  context.setTransform(ratio * view.scale, 0, 0, ratio * view.scale, ratio * view.x, ratio * view.y);
  const seen = {
    left: -view.x / view.scale,
    top: -view.y / view.scale,
    right: (size.width - view.x) / view.scale,
    bottom: (size.height - view.y) / view.scale,
  };
  drawLines(context, scene, view, seen, colours);
  const { boxes } = scene.layout;
  const isDim = scene.near.size > 0;
  for (let at = 0; at < boxes.length; at += 1) {
    const box = boxes[at] as Box;
    if (box.x > seen.right || box.y > seen.bottom || box.x + WIDTH < seen.left || box.y + HEIGHT < seen.top) continue;
    context.globalAlpha = isDim && !scene.near.has(at) && at !== scene.chosen && at !== scene.hovered ? 0.38 : 1;
    drawBox(context, box, scene.faces[at] as Face, view.scale, colours, {
      isChosen: at === scene.chosen,
      isHovered: at === scene.hovered || at === scene.cursor,
    });
  }
  context.globalAlpha = 1;
}

/** From so far away lines are straight. */
const FAR = 0.3;

const paths = new WeakMap<Layout, Path2D>();
function straight(layout: Layout): Path2D {
  const known = paths.get(layout);
  if (known) return known;
  const made = new Path2D();
  for (const line of layout.lines) {
    const { x1, y1, x2, y2 } = ends(layout, line);
    made.moveTo(x1, y1);
    made.lineTo(x2, y2);
  }
  paths.set(layout, made);
  return made;
}

type Seen = { left: number; top: number; right: number; bottom: number };

function drawLines(context: CanvasRenderingContext2D, scene: Scene, view: View, seen: Seen, colours: Palette): void {
  const { layout } = scene;
  const isFar = view.scale < FAR;
  const strong = new Path2D();
  const critical = new Path2D();
  const looked = scene.hovered >= 0 ? scene.hovered : scene.chosen;
  // From far away most of them are seen, and all are drawn at once, by a path that stays.
  const isWhole = isFar && looked < 0 && scene.critical.size === 0 && scene.hoveredLine < 0;
  const plain = isWhole ? straight(layout) : new Path2D();
  if (isWhole) return stroke(context, scene, view, colours, plain, strong, critical);
  layout.lines.forEach((line, at) => {
    const { x1, y1, x2, y2 } = ends(layout, line);
    if (Math.max(x1, x2) < seen.left || Math.min(x1, x2) > seen.right || Math.max(y1, y2) < seen.top || Math.min(y1, y2) > seen.bottom) return;
    const isLooked = line.from === looked || line.to === looked || at === scene.hoveredLine;
    const where = scene.critical.has(at) ? critical : isLooked ? strong : plain;
    where.moveTo(x1, y1);
    if (isFar) where.lineTo(x2, y2);
    else {
      const bend = Math.max(28, Math.min(90, Math.abs(x2 - x1) / 2));
      where.bezierCurveTo(x1 + bend, y1, x2 - bend, y2, x2, y2);
    }
  });
  stroke(context, scene, view, colours, plain, strong, critical);
}

function stroke(context: CanvasRenderingContext2D, scene: Scene, view: View, colours: Palette, plain: Path2D, strong: Path2D, critical: Path2D): void {
  const { layout } = scene;
  const width = Math.max(1, 0.8 / view.scale);
  context.lineWidth = width;
  context.strokeStyle = colours.line;
  context.globalAlpha = scene.near.size > 0 ? 0.35 : layout.lines.length > 1500 ? 0.5 : 1;
  context.stroke(plain);
  context.globalAlpha = 1;
  context.strokeStyle = colours.accent;
  context.lineWidth = width * 1.6;
  context.stroke(strong);
  context.lineWidth = width * 2.6;
  context.stroke(critical);
}

interface How {
  isChosen: boolean;
  isHovered: boolean;
}

function drawBox(context: CanvasRenderingContext2D, box: Box, face: Face, scale: number, colours: Palette, how: How): void {
  const tone = colours.tones[face.tone];
  if (scale < 0.22 && !how.isChosen) {
    context.fillStyle = far(face, colours);
    context.fillRect(box.x, box.y, WIDTH, HEIGHT);
    return;
  }
  if (face.isFold) {
    context.beginPath();
    context.roundRect(box.x + 4, box.y + 4, WIDTH, HEIGHT, 8);
    context.fillStyle = colours.surface;
    context.fill();
    context.strokeStyle = colours.border;
    context.lineWidth = 1;
    context.stroke();
  }
  context.beginPath();
  context.roundRect(box.x, box.y, WIDTH, HEIGHT, face.isBarrier ? HEIGHT / 2 : 8);
  context.fillStyle = face.isBarrier ? colours.page : colours.surface;
  context.fill();
  context.lineWidth = how.isChosen || how.isHovered ? 2 : 1;
  context.strokeStyle = how.isChosen || how.isHovered ? colours.accent : face.tone === "bad" || face.tone === "warn" ? tone : colours.border;
  context.stroke();
  if (scale < 0.42) {
    context.fillStyle = tone;
    context.fillRect(box.x + 10, box.y + 12, 20, 20);
    return;
  }
  if (face.isBarrier) {
    context.font = `12px ${colours.font}`;
    context.fillStyle = colours.faint;
    context.fillText(fit(context, face.title, WIDTH - 36), box.x + 18, box.y + 26);
    return;
  }
  context.save();
  context.translate(box.x + 11, box.y + 14);
  context.strokeStyle = tone;
  context.lineWidth = 1.6;
  context.lineCap = "round";
  context.lineJoin = "round";
  context.stroke(path(face.shape));
  context.restore();
  const room = WIDTH - 46 - (face.count > 0 ? 34 : 0);
  context.font = `11px ${colours.font}`;
  context.fillStyle = colours.faint;
  context.fillText(fit(context, face.note ? `${face.kind} · ${face.note}` : face.kind, WIDTH - 46), box.x + 36, box.y + 17);
  context.font = `600 13px ${colours.font}`;
  context.fillStyle = colours.text;
  context.fillText(fit(context, face.title, room), box.x + 36, box.y + 34);
  if (face.count > 0) {
    const text = face.isFold ? `×${face.count}` : String(face.count);
    context.font = `11px ${colours.font}`;
    const width = context.measureText(text).width + 12;
    context.beginPath();
    context.roundRect(box.x + WIDTH - width - 8, box.y + 22, width, 16, 8);
    context.fillStyle = colours.page;
    context.fill();
    context.fillStyle = colours.faint;
    context.fillText(text, box.x + WIDTH - width - 2, box.y + 34);
  }
}

/** The whole graph in a small rectangle, and which part of it is seen. */
export const drawMap = {
  boxes(context: CanvasRenderingContext2D, { layout, faces }: Scene, map: Size, colours: Palette): void {
    const ratio = devicePixelRatio || 1;
    const scale = mapScale(layout, map);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, map.width, map.height);
    for (let at = 0; at < layout.boxes.length; at += 1) {
      const [box, face] = [layout.boxes[at] as Box, faces[at] as Face];
      context.fillStyle = far(face, colours);
      context.fillRect(box.x * scale, box.y * scale, Math.max(1, WIDTH * scale), Math.max(1, HEIGHT * scale));
    }
  },
  seen(context: CanvasRenderingContext2D, { layout }: Scene, view: View, size: Size, map: Size, colours: Palette): void {
    const ratio = devicePixelRatio || 1;
    const scale = mapScale(layout, map);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.strokeStyle = colours.accent;
    context.lineWidth = 1.5;
    context.strokeRect((-view.x / view.scale) * scale, (-view.y / view.scale) * scale, (size.width / view.scale) * scale, (size.height / view.scale) * scale);
  },
};

/** The colour of a box that is too small for anything else: only those that are not as they should be stand out. */
function far({ tone }: Face, colours: Palette): string {
  return tone === "good" || tone === "idle" ? colours.line : colours.tones[tone];
}

export function mapScale(layout: Layout, map: Size): number {
  return Math.min(map.width / Math.max(1, layout.width), map.height / Math.max(1, layout.height));
}
