// Ten thousand Applications and five thousand resources: what is not seen is not in the page. Times are told, and judged by nobody.
import assert from "node:assert/strict";
import { answer } from "./api.mjs";
import { address, close, open, see, shoot, told } from "./steps.mjs";

const large = await open();
const PATH = "/applications/argocd/checkout";
await answer(large, address, { count: 10_000, resources: 5000 });
const times = {};
const timed = async (name, what) => {
  const begun = Date.now();
  await what();
  times[name] = Date.now() - begun;
};
const heap = () => large.evaluate(() => Math.round(performance.memory.usedJSHeapSize / 1e6));
await timed("first rows, ms", async () => {
  await large.goto(`${address}/applications`);
  await large.locator(".row").first().waitFor();
});
await timed("and all rows, ms", () => see(large, "[data-testid=shown]", "10,000 Applications"));
assert.ok((await large.locator(".row").count()) < 80);
times["heap with 10,000 Applications, MB"] = await heap();
await timed("filter, ms", async () => {
  await large.getByTestId("filter").fill("cart-99");
  await see(large, "[data-testid=shown]", " of 10,000");
});
// Each frame of a second of scrolling.
await large.getByTestId("filter").fill("");
await see(large, "[data-testid=shown]", "10,000 Applications");
times["frames a second, scrolling 10,000"] = await large.getByTestId("apps").evaluate(async (list) => {
  const end = performance.now() + 1000;
  let frames = 0;
  for (; performance.now() < end; frames += 1) {
    list.scrollTop += 60;
    await new Promise(requestAnimationFrame);
  }
  return frames;
});
told("ten thousand Applications");

await large.goto(address + PATH);
const graph = large.getByTestId("graph");
await graph.waitFor();
// What the page tells of it comes after its first picture.
await large.waitForFunction(() => document.querySelector("[data-testid=graph]").drawn?.boxes().length > 0);
const boxes = () => graph.evaluate((one) => one.drawn.boxes().length);
assert.ok((await boxes()) < 150, "many of a kind are folded");
await timed("unfold, ms", async () => {
  await large.getByTestId("unfold").click();
  await large.waitForFunction(() => document.querySelector("[data-testid=graph]").drawn.boxes().length >= 5000);
});
await shoot(large, "large");
/** A second of panning: frames that were drawn, and the longest time between two. */
const pan = () =>
  graph.evaluate(async (one) => {
    const [begun, drawn, left] = [one.drawn.frames(), one.drawn.drawings(), one.drawn.left()];
    const end = performance.now() + 1000;
    let [last, longest] = [performance.now(), 0];
    for (let at = 0; performance.now() < end; at += 1) {
      one.dispatchEvent(new WheelEvent("wheel", { deltaX: 10 * Math.sin(at / 9), deltaY: 6 * Math.cos(at / 25), bubbles: true, cancelable: true }));
      await new Promise(requestAnimationFrame);
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }
    return { frames: one.drawn.frames() - begun, longest: Math.round(longest), drawings: one.drawn.drawings() - drawn, left: one.drawn.left() - left };
  });
const all = await pan();
assert.ok(all.frames > 0);
// What only moves is not drawn again. What else changes meanwhile is, and how often depends on the machine.
assert.equal(all.left, 0, JSON.stringify(all));
times["panning 5,000, all in view"] = all;
for (let at = 0; at < 9; at += 1) await large.getByRole("button", { name: "Zoom in" }).click();
times["panning 5,000, some in view"] = await pan();
await shoot(large, "large-near");
times["heap with 5,000 resources, MB"] = await heap();
console.log(JSON.stringify(times));
// A picture that was kept moves with the hand.
const picture = async (by) => {
  await graph.evaluate((one, by) => one.dispatchEvent(new WheelEvent("wheel", { deltaX: by, deltaY: by, bubbles: true, cancelable: true })), by);
  await large.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  return graph.locator("canvas").first().evaluate((canvas) => canvas.toDataURL());
};
let before = await picture(0);
// What is drawn late on a busy machine is there first.
for (let tries = 0, last = ""; tries < 50 && last !== before; tries += 1) [last, before] = [before, await picture(0)];
assert.ok((await picture(40)) !== before, "it moved");
told("five thousand resources");
await close(large);
