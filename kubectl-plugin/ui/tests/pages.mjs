// Each page, in each state that it can be in: light, dark, narrow. Nothing is served; see api.mjs.
import assert from "node:assert/strict";
import { answer } from "./api.mjs";
import { accessible, address, close, open, see, shoot, told } from "./steps.mjs";

const PAYMENTS = "node=apps%2FDeployment%2Fshop%2Fpayments";
const PAGES = {
  applications: "/applications",
  tiles: "/applications?view=tiles&group=project",
  filtered: "/applications?search=nothing-is-called-so",
  activity: "/activity",
  repositories: "/repositories",
  clusters: "/clusters",
  projects: "/projects",
  elsewhere: "/nothing",
  missing: "/applications/argocd/nobody",
  graph: "/applications/argocd/checkout",
  "graph-of-a-sync": "/applications/argocd/cart",
  layers: "/applications/argocd/checkout?as=list",
  resources: "/applications/argocd/checkout/resources",
  diff: "/applications/argocd/checkout/diff",
  plan: "/applications/argocd/checkout/plan",
  "plan-of-a-rollback": "/applications/argocd/checkout/plan?release=1",
  history: "/applications/argocd/checkout/history",
  "app-activity": "/applications/argocd/checkout/activity",
  settings: "/applications/argocd/web/settings",
  ...Object.fromEntries(["summary", "diff", "manifest", "events", "logs", "edges"].map((show) => [`drawer-${show}`, `/applications/argocd/checkout/resources?${PAYMENTS}&show=${show}`])),
  "drawer-of-a-sync": "/applications/argocd/cart?node=apps%2FDeployment%2Fshop%2Fcart",
};

// All of them each time; in the dark and on a phone the most different ones, or all where there is time.
const FEW = ["applications", "graph", "graph-of-a-sync", "layers", "diff", "plan", "history", "drawer-manifest"];
const isLong = process.env.GITOPS_LONG !== undefined;
const pages = [];
for (const [mode, how] of Object.entries({ light: {}, dark: { dark: true }, narrow: { narrow: true } })) {
  const page = await open(how);
  pages.push(page);
  await answer(page, address);
  for (const [name, path] of Object.entries(PAGES)) {
    if (mode !== "light" && !isLong && !FEW.includes(name)) continue;
    await page.goto(address + path);
    await page.locator("h1").first().waitFor({ state: "attached" });
    await page.locator(".skeleton").waitFor({ state: "detached" });
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    await accessible(page, `${name}, ${mode}`);
    const cut = await page.evaluate(() => [...document.querySelectorAll(".app-head, .page, .filters, .sign-in")].filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.className));
    assert.deepEqual(cut, [], `${name}, ${mode}: nothing is cut off`);
    await shoot(page, `${name}-${mode}`);
    const links = await page.evaluate(() => [...document.querySelectorAll("[href], [src]")].map((one) => one.getAttribute("href") ?? one.getAttribute("src")));
    assert.deepEqual(links.filter((link) => !/^[/?#]/.test(link)), [], `${name}: addresses of others are no links`);
    assert.equal(await page.locator("img, iframe, object, embed").count(), 0, name);
  }
}
told("every page");

// What cannot be undone is ticked by its name before the button does anything.
const page = await open();
pages.push(page);
const api = await answer(page, address);
await page.goto(`${address}/applications/argocd/checkout/plan`);
const apply = page.getByTestId("apply");
await apply.waitFor();
assert.equal(await apply.innerText(), "Apply 3 changes, delete 1");
assert.ok(await apply.isDisabled());
await page.getByLabel("PersistentVolumeClaim shop/data is deleted").check();
await apply.click();
await see(page, ".telling", "The sync was asked for");
const [, , body] = api.asked.find(([method, path]) => method === "POST" && path.endsWith("/sync"));
assert.equal(body.prune, true);
assert.deepEqual(body.infos, [{ name: "kubectl-gitops/allow-delete", value: "PersistentVolumeClaim" }]);
await page.goto(`${address}/applications/argocd/checkout/resources`);
await page.getByRole("checkbox").nth(1).check();
await page.getByTestId("sync-chosen").click();
await see(page, ".plan-head", "Only 1 resource");
await page.getByRole("button", { name: "More actions" }).click();
await page.getByTestId("hold").click();
await page.getByLabel("Reason").fill("a freeze");
await accessible(page, "hold");
await page.getByTestId("hold-now").click();
await see(page, ".telling", "held");
assert.deepEqual(api.asked.at(-1).slice(1), ["/api/gitops/v1/applications/checkout/hold", { reason: "a freeze" }]);
told("what is asked for");

// Keys lead everywhere.
await page.goto(`${address}/applications`);
await page.getByTestId("apps").waitFor();
await page.locator(".row").first().waitFor();
// However fast they come: the next before the next picture.
await page.evaluate(async () => {
  for (const key of ["j", "j", "Enter"]) {
    document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    await new Promise((done) => queueMicrotask(done));
  }
});
await page.getByTestId("graph").waitFor();
await page.getByTestId("graph").focus();
await page.keyboard.press("ArrowRight");
await page.keyboard.press("Enter");
await page.getByTestId("drawer").waitFor();
await page.keyboard.press("Escape");
await page.getByTestId("drawer").waitFor({ state: "detached" });
await page.keyboard.press("g");
await page.keyboard.press("a");
await page.getByTestId("apps").waitFor();
await page.keyboard.press("?");
await see(page, "dialog", "Keyboard shortcuts");
await accessible(page, "keys");
told("keys");

// Nobody, nothing, no right, no server.
for (const [name, change, text] of [
  ["no Applications", (path) => path === "/api/gitops/v1/applications" && { status: 200, body: { applications: [], total: 0, continue: "", at: "e-1", sync: {}, health: {} } }, "No Applications yet"],
  ["no right", (path) => path === "/api/gitops/v1/applications" && { status: 403, body: { message: "forbidden", code: 7 } }, "right to list applications.argoproj.io"],
  ["no server", (path) => path === "/api/gitops/v1/applications" && "abort", "cannot be shown now"],
  ["an issuer", (path, told) => ((told.user = {}), path === "/api/v1/settings" && { status: 200, body: { oidcConfig: { name: "<img src=x onerror=alert(1)>" } } }), "Sign in with <img"],
  ["one's own", (path, told) => ((told.user = {}), path === "/api/v1/settings" && { status: 200, body: { isLocal: true } }), "one-time word"],
  ["out", (path, told) => ((told.user = {}), path === "/api/gitops/v1/applications" && { status: 401, body: { message: "over", code: 16 } }), "Sign in"],
]) {
  const one = await open();
  pages.push(one);
  await answer(one, address, { change });
  await one.goto(`${address}/applications`);
  await see(one, "#page", text);
  await accessible(one, name);
  await shoot(one, name.replace(" ", "-"));
}
told("states");

// A connection that is lost is told, and what is there stays.
const lost = await open();
pages.push(lost);
let is = "abort";
await answer(lost, address, { change: (path) => path === "/api/gitops/v1/stream/applications" && is });
await lost.goto(`${address}/applications`);
await lost.getByTestId("lost").waitFor();
await lost.locator(".row").nth(10).waitFor();
await accessible(lost, "lost");
await shoot(lost, "lost");
told("a lost connection");

await close(...pages);
