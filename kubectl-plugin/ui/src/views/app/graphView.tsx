// The drawing of a graph: moved by pointer, wheel and keys; what is chosen is told to screen readers.

import { useEffect, useRef, useState } from "preact/hooks";
import { Button } from "../../parts/small.tsx";
import { HEIGHT, WIDTH, type Box } from "../../pure/layout.ts";
import { colours } from "../../state/theme.ts";
import { T } from "../../texts.ts";
import { draw, ends, mapScale, palette, type Palette, type Scene, type Size, type View } from "./canvas.ts";
import { MapPlate, Plate } from "./plate.ts";

const MAP = { width: 168, height: 112 };
const [LEAST, MOST] = [0.04, 2];
/** So many boxes are shown at a size that can be read. */
const READABLE = 150;

/** Above so many there is a map, and what was drawn is kept. */
const LARGE = 500;

interface Props {
  scene: Scene;
  /** Changes when another graph is drawn: then all of it is fitted in. */
  of: string;
  label: string;
  /** What a box is called, in full. */
  say: (box: number) => string;
  /** Why there is a line. */
  why: (line: number) => string;
  onChoose: (box: number) => void;
  onClear: () => void;
}

export function GraphView({ scene, of, label, say, why, onChoose, onClear }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const map = useRef<HTMLCanvasElement>(null);
  const tip = useRef<HTMLDivElement>(null);
  const [said, setSaid] = useState("");
  const isLarge = scene.layout.boxes.length > LARGE;
  // What is drawn many times a second is no state of the page.
  const held = useRef({ scene, view: { x: 0, y: 0, scale: 1 } as View, size: { width: 0, height: 0 } as Size, frame: 0, colours: null as Palette | null, cursor: -1, hovered: -1, line: -1, isMoved: false, frames: 0, plate: new Plate(), mapPlate: new MapPlate(), near: { of: -1, layout: null as Scene["layout"] | null, found: new Set<number>() } });
  const now = held.current;
  now.scene = scene;

  const redraw = () => {
    now.frame ||= requestAnimationFrame(() => {
      now.frame = 0;
      now.frames += 1;
      const context = canvas.current?.getContext("2d");
      if (!context || !box.current) return;
      now.colours ??= palette(box.current);
      const { layout } = now.scene;
      if (now.hovered >= 0 && (now.near.of !== now.hovered || now.near.layout !== layout)) {
        now.near = { of: now.hovered, layout, found: around(now.scene, now.hovered) };
      }
      const near = now.hovered >= 0 ? now.near.found : now.scene.near;
      const all = { ...now.scene, hovered: now.hovered, cursor: now.cursor, hoveredLine: now.line, near };
      if (layout.boxes.length > LARGE) now.plate.draw(context, all, now.view, now.size, now.colours);
      else draw(context, all, now.view, now.size, now.colours);
      const small = map.current?.getContext("2d");
      if (small) now.mapPlate.draw(small, all, now.view, now.size, MAP, now.colours);
    });
  };
  const fit = () => {
    const { width, height } = now.scene.layout;
    // Where not all of it can be read, it begins at the left.
    const least = now.scene.layout.boxes.length <= READABLE ? 0.5 : LEAST;
    const scale = Math.max(least, Math.min(1, (now.size.width - 48) / Math.max(1, width), (now.size.height - 48) / Math.max(1, height)));
    now.view = { scale, x: Math.max(24, (now.size.width - width * scale) / 2), y: (now.size.height - height * scale) / 2 };
    now.isMoved = false;
    redraw();
  };
  const zoom = (factor: number, x = now.size.width / 2, y = now.size.height / 2) => {
    const scale = Math.max(LEAST, Math.min(MOST, now.view.scale * factor));
    const by = scale / now.view.scale;
    now.view = { scale, x: x - (x - now.view.x) * by, y: y - (y - now.view.y) * by };
    now.isMoved = true;
    redraw();
  };
  /** Brings a box into view, where it is not. */
  const reveal = (at: number) => {
    const one = now.scene.layout.boxes[at];
    if (!one) return;
    if (now.view.scale < 0.5) now.view = { ...now.view, scale: 0.9, x: now.size.width / 2 - (one.x + WIDTH / 2) * 0.9, y: now.size.height / 2 - (one.y + HEIGHT / 2) * 0.9 };
    const [x, y] = [one.x * now.view.scale + now.view.x, one.y * now.view.scale + now.view.y];
    const [width, height] = [WIDTH * now.view.scale, HEIGHT * now.view.scale];
    if (x < 24) now.view.x += 24 - x;
    if (y < 24) now.view.y += 24 - y;
    if (x + width > now.size.width - 24) now.view.x -= x + width - now.size.width + 24;
    if (y + height > now.size.height - 24) now.view.y -= y + height - now.size.height + 24;
    redraw();
  };
  useEffect(() => {
    const element = box.current as HTMLDivElement;
    const measure = () => {
      now.size = { width: element.clientWidth, height: element.clientHeight };
      const ratio = devicePixelRatio || 1;
      for (const [one, size] of [[canvas.current, now.size], [map.current, MAP]] as const) {
        if (!one) continue;
        one.width = size.width * ratio;
        one.height = size.height * ratio;
      }
      if (now.isMoved) redraw();
      else fit();
    };
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    const wheel = (event: WheelEvent) => {
      event.preventDefault();
      if (event.ctrlKey || event.metaKey) return zoom(Math.exp(-event.deltaY / 200), ...where(event));
      const unit = event.deltaMode === 1 ? 24 : 1;
      now.view = { ...now.view, x: now.view.x - event.deltaX * unit, y: now.view.y - event.deltaY * unit };
      now.isMoved = true;
      redraw();
    };
    element.addEventListener("wheel", wheel, { passive: false });
    (element as unknown as { drawn: unknown }).drawn = { view: () => now.view, frames: () => now.frames, boxes: () => now.scene.layout.boxes, drawings: () => now.plate.drawn, left: () => now.plate.left };
    return () => {
      observer.disconnect();
      element.removeEventListener("wheel", wheel);
      cancelAnimationFrame(now.frame);
    };
  }, [isLarge]);
  useEffect(() => {
    now.colours = null;
    redraw();
  }, [colours.value]);
  useEffect(redraw, [scene]);
  useEffect(fit, [of]);
  useEffect(() => {
    if (scene.chosen >= 0) reveal(scene.chosen);
  }, [scene.chosen]);

  const where = (event: MouseEvent): [number, number] => {
    const { left, top } = (canvas.current as HTMLCanvasElement).getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  };
  const move = (at: number) => {
    now.cursor = at;
    setSaid(say(at));
    reveal(at);
  };
  const keys = (event: KeyboardEvent) => {
    const arrows: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const arrow = arrows[event.key];
    const from = now.cursor >= 0 ? now.cursor : now.scene.chosen;
    if (arrow && event.shiftKey) {
      now.view = { ...now.view, x: now.view.x - arrow[0] * 80, y: now.view.y - arrow[1] * 80 };
      now.isMoved = true;
      redraw();
    } else if (arrow) move(from < 0 ? 0 : next(now.scene.layout.boxes, from, arrow));
    else if (event.key === "Enter" && from >= 0) onChoose(from);
    else if (event.key === "+" || event.key === "=") zoom(1.25);
    else if (event.key === "-") zoom(0.8);
    else if (event.key === "0") fit();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const pointer = usePointer({
    held: now,
    redraw,
    where,
    onClick: (at) => (at >= 0 ? onChoose(at) : onClear()),
    onZoom: zoom,
    onHover: (x, y) => {
      const text = now.line >= 0 && now.hovered < 0 ? why(now.line) : "";
      if (!tip.current) return;
      tip.current.textContent = text;
      tip.current.hidden = !text;
      tip.current.style.transform = `translate(${x + 12}px, ${y + 12}px)`;
    },
  });
  const jump = (event: PointerEvent) => {
    if (event.buttons !== 1) return;
    const { left, top } = (map.current as HTMLCanvasElement).getBoundingClientRect();
    const scale = mapScale(now.scene.layout, MAP);
    const [x, y] = [(event.clientX - left) / scale, (event.clientY - top) / scale];
    now.view = { ...now.view, x: now.size.width / 2 - x * now.view.scale, y: now.size.height / 2 - y * now.view.scale };
    now.isMoved = true;
    redraw();
  };
  return (
    <div class="graph" ref={box} role="application" aria-label={label} tabIndex={0} onKeyDown={keys} data-testid="graph" {...pointer}>
      <canvas ref={canvas} aria-hidden="true" />
      <div class="tip" ref={tip} hidden role="tooltip" />
      {isLarge && <canvas ref={map} class="map" aria-hidden="true" width={MAP.width} height={MAP.height} onPointerDown={jump} onPointerMove={jump} />}
      <div class="zoom" onPointerDown={(event) => event.stopPropagation()}>
        <Button icon="plus" label={T.graph.zoomIn} onClick={() => zoom(1.25)} />
        <Button icon="minus" label={T.graph.zoomOut} onClick={() => zoom(0.8)} />
        <Button icon="fit" label={T.graph.fit} onClick={fit} />
      </div>
      <div class="unseen" aria-live="polite">
        {said}
      </div>
    </div>
  );
}

/** The box and its neighbours. */
export function around(scene: { layout: Scene["layout"] }, at: number): Set<number> {
  const found = new Set([at]);
  for (const { from, to } of scene.layout.lines) {
    if (from === at) found.add(to);
    else if (to === at) found.add(from);
  }
  return found;
}

/** The nearest box in a direction. */
function next(boxes: Box[], from: number, [dx, dy]: [number, number]): number {
  const own = boxes[from] as Box;
  let [best, least] = [from, Number.POSITIVE_INFINITY];
  boxes.forEach((one, at) => {
    const [x, y] = [one.x - own.x, one.y - own.y];
    const ahead = x * dx + y * dy;
    if (at === from || ahead <= 0) return;
    const far = ahead + 3 * Math.abs(dx === 0 ? x : y);
    if (far < least) [best, least] = [at, far];
  });
  return best;
}

interface Pointing {
  held: { scene: Scene; view: View; hovered: number; line: number; isMoved: boolean };
  redraw: () => void;
  where: (event: MouseEvent) => [number, number];
  onClick: (box: number) => void;
  onHover: (x: number, y: number) => void;
  onZoom: (factor: number, x: number, y: number) => void;
}

function usePointer({ held, redraw, where, onClick, onHover, onZoom }: Pointing) {
  const drag = useRef<{ x: number; y: number; isFar: boolean } | null>(null);
  const fingers = useRef(new Map<number, [number, number]>());
  const at = (x: number, y: number) => {
    const [px, py] = [(x - held.view.x) / held.view.scale, (y - held.view.y) / held.view.scale];
    return held.scene.layout.boxes.findIndex((box) => px >= box.x && px <= box.x + WIDTH && py >= box.y && py <= box.y + HEIGHT);
  };
  const apart = () => {
    const [one, other] = [...fingers.current.values()];
    return one && other ? Math.hypot(one[0] - other[0], one[1] - other[1]) : 0;
  };
  return {
    onPointerDown: (event: PointerEvent) => {
      if (event.button !== 0) return;
      const [x, y] = where(event);
      fingers.current.set(event.pointerId, [x, y]);
      drag.current = { x, y, isFar: false };
      (event.currentTarget as Element).setPointerCapture(event.pointerId);
    },
    onPointerMove: (event: PointerEvent) => {
      const [x, y] = where(event);
      const before = apart();
      if (fingers.current.has(event.pointerId)) fingers.current.set(event.pointerId, [x, y]);
      if (fingers.current.size === 2) {
        const after = apart();
        if (before > 0 && after > 0) onZoom(after / before, x, y);
        if (drag.current) drag.current.isFar = true;
        return;
      }
      const { current } = drag;
      if (current) {
        current.isFar ||= Math.hypot(x - current.x, y - current.y) > 4;
        if (!current.isFar) return;
        held.view = { ...held.view, x: held.view.x + x - current.x, y: held.view.y + y - current.y };
        held.isMoved = true;
        [current.x, current.y] = [x, y];
        return redraw();
      }
      const hovered = at(x, y);
      const line = hovered < 0 ? lineAt(held.scene, held.view, x, y) : -1;
      if (hovered !== held.hovered || line !== held.line) {
        [held.hovered, held.line] = [hovered, line];
        redraw();
      }
      onHover(x, y);
    },
    onPointerUp: (event: PointerEvent) => {
      const isClick = drag.current !== null && !drag.current.isFar;
      fingers.current.delete(event.pointerId);
      drag.current = null;
      if (isClick) onClick(at(...where(event)));
    },
    onPointerCancel: (event: PointerEvent) => {
      fingers.current.delete(event.pointerId);
      drag.current = null;
    },
    onPointerLeave: () => {
      [held.hovered, held.line] = [-1, -1];
      onHover(0, 0);
      redraw();
    },
  };
}

/** The line under the pointer. */
function lineAt(scene: Scene, view: View, x: number, y: number): number {
  const { layout } = scene;
  if (layout.lines.length > 4000) return -1;
  const [px, py] = [(x - view.x) / view.scale, (y - view.y) / view.scale];
  const near = 7 / view.scale;
  return layout.lines.findIndex((line) => {
    const { x1, y1, x2, y2 } = ends(layout, line);
    if (px < Math.min(x1, x2) - near || px > Math.max(x1, x2) + near || py < Math.min(y1, y2) - near || py > Math.max(y1, y2) + near) return false;
    const bend = Math.max(28, Math.min(90, Math.abs(x2 - x1) / 2));
    for (let step = 0; step <= 24; step += 1) {
      const [t, u] = [step / 24, 1 - step / 24];
      const bx = u ** 3 * x1 + 3 * u * u * t * (x1 + bend) + 3 * u * t * t * (x2 - bend) + t ** 3 * x2;
      const by = u ** 3 * y1 + 3 * u * u * t * y1 + 3 * u * t * t * y2 + t ** 3 * y2;
      if (Math.hypot(bx - px, by - py) < near) return true;
    }
    return false;
  });
}
