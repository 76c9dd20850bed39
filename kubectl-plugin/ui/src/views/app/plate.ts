// A large drawing that is kept: as long as nothing of it changes but where it is, moving it is one copy.
//
// In: what `draw` takes. Out: the same picture. It is drawn on a plate that is larger than what is seen, and drawn again where
// something else than the place changes, or what is seen leaves the plate. One that has all of the graph is never left.

import { draw, drawMap, type Palette, type Scene, type Size, type View } from "./canvas.ts";

/** The plate is larger than what is seen by this part of it, on each side. */
const AROUND = 0.25;

type Of = readonly unknown[];

export class Plate {
  readonly #canvas = document.createElement("canvas");
  #of: Of = [];
  /** Where the graph was when it was drawn. */
  #x = 0;
  #y = 0;
  #isWhole = false;
  /** How often it was drawn. */
  drawn = 0;
  /** How often only because what is seen left it. */
  left = 0;

  draw(context: CanvasRenderingContext2D, scene: Scene, view: View, size: Size, colours: Palette): void {
    // It is put away, or not there yet.
    if (size.width === 0 || size.height === 0) return;
    const ratio = devicePixelRatio || 1;
    const [left, top] = [Math.ceil(size.width * AROUND), Math.ceil(size.height * AROUND)];
    const of = [...parts(scene), view.scale, size.width, size.height, ratio, colours];
    const isIn = this.#isWhole || (Math.abs(view.x - this.#x) <= left && Math.abs(view.y - this.#y) <= top);
    const isSame = same(of, this.#of);
    if (!isIn || !isSame) {
      const plate = { width: size.width + 2 * left, height: size.height + 2 * top };
      const [x, y] = [view.x + left, view.y + top];
      fitTo(this.#canvas, plate, ratio);
      const own = this.#canvas.getContext("2d");
      if (!own) return draw(context, scene, view, size, colours);
      draw(own, scene, { x, y, scale: view.scale }, plate, colours);
      const { width, height } = scene.layout;
      this.#isWhole = x >= 0 && y >= 0 && x + width * view.scale <= plate.width && y + height * view.scale <= plate.height;
      [this.#of, this.#x, this.#y] = [of, view.x, view.y];
      this.drawn += 1;
      if (isSame) this.left += 1;
    }
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, size.width * ratio, size.height * ratio);
    // Whole pixels: nothing is blurred.
    context.drawImage(this.#canvas, Math.round((view.x - this.#x - left) * ratio), Math.round((view.y - this.#y - top) * ratio));
  }
}

/** The small map of a large graph: what does not move is drawn once. */
export class MapPlate {
  readonly #canvas = document.createElement("canvas");
  #of: Of = [];

  draw(context: CanvasRenderingContext2D, scene: Scene, view: View, size: Size, map: Size, colours: Palette): void {
    const ratio = devicePixelRatio || 1;
    const of = [scene.layout, scene.faces, colours, ratio];
    const own = this.#canvas.getContext("2d");
    if (own && !same(of, this.#of)) {
      fitTo(this.#canvas, map, ratio);
      drawMap.boxes(own, scene, map, colours);
      this.#of = of;
    }
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, map.width * ratio, map.height * ratio);
    context.drawImage(this.#canvas, 0, 0);
    drawMap.seen(context, scene, view, size, map, colours);
  }
}

/** What of a scene is drawn. */
function parts(scene: Scene): Of {
  return [scene.layout, scene.faces, scene.chosen, scene.hovered, scene.cursor, scene.near, scene.critical, scene.hoveredLine];
}

function same(one: Of, other: Of): boolean {
  return one.length === other.length && one.every((part, at) => part === other[at]);
}

function fitTo(canvas: HTMLCanvasElement, { width, height }: Size, ratio: number): void {
  const [wide, high] = [Math.ceil(width * ratio), Math.ceil(height * ratio)];
  // Setting either takes the picture away, and memory again.
  if (canvas.width !== wide) canvas.width = wide;
  if (canvas.height !== high) canvas.height = high;
}
