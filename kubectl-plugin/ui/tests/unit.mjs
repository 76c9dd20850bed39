// The parts of the UI that know nothing of a page: `node --test tests/unit.mjs`.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { build } from "esbuild";

const names = ["key", "time", "words", "yaml", "graph", "layout", "progress", "plan", "rows", "sse", "find", "resources", "diff", "line"];
const here = new URL("..", import.meta.url).pathname;
const bundled = await build({
  stdin: { contents: names.map((name) => `export * as ${name} from "./src/pure/${name}.ts";`).join("\n"), resolveDir: here },
  bundle: true,
  format: "esm",
  write: false,
});
const folder = mkdtempSync(join(tmpdir(), "ui-unit-"));
writeFileSync(join(folder, "pure.mjs"), bundled.outputFiles[0].contents);
const pure = await import(join(folder, "pure.mjs"));
rmSync(folder, { recursive: true });
const { key, time, words, yaml, graph, layout, progress, plan, rows, sse, find, resources, diff, line } = pure;

test("keys are read, written, bound and spoken of", () => {
  const cart = key.readKey("apps/Deployment/./cart");
  assert.deepEqual(cart, { group: "apps", kind: "Deployment", namespace: ".", name: "cart" });
  assert.equal(key.writeKey(key.bind(cart, "shop")), "apps/Deployment/shop/cart");
  assert.equal(key.spoken(key.bind(cart, "shop")), "Deployment shop/cart");
  assert.equal(key.bind(key.readKey("/Namespace/./shop"), "shop").namespace, "");
  assert.equal(key.bind(key.readKey("x/Wide/./a"), "shop", new Set(["x/Wide"])).namespace, "");
  assert.equal(key.readKey("").name, "");
  assert.ok(key.isSame(cart, { ...cart, namespace: "other" }) && !key.isSame({ ...cart, namespace: "a" }, { ...cart, namespace: "b" }));
});

test("times are told in one number", () => {
  const now = Date.parse("2026-11-26T12:00:00Z");
  const cases = { "2026-11-26T11:59:48Z": "12s", "2026-11-26T11:01:00Z": "59m", "2026-11-25T13:00:00Z": "23h", "2026-11-01T12:00:00Z": "25d", "2023-11-01T12:00:00Z": "3y", "2026-11-26T12:00:09Z": "0s", nonsense: "" };
  for (const [at, told] of Object.entries(cases)) assert.equal(time.ago(at, now), told, at);
});

test("the worst health is found, and every word has a look", () => {
  assert.equal(words.worst(["Healthy", "Progressing", "Degraded", "Missing"]), "Degraded");
  assert.equal(words.worst([]), "");
  assert.deepEqual(words.look("NeverHeard"), { tone: "idle", shape: "unknown" });
});

test("YAML is written as people write it", () => {
  const value = { kind: "A", metadata: { labels: { "a/b": "true", n: 1 } }, list: [{ name: "x", env: [{ name: "y", value: "" }] }, "z: w"], none: {}, text: "one\ntwo\n" };
  assert.equal(
    yaml.yaml(value),
    ["kind: A", "metadata:", "  labels:", '    a/b: "true"', '    "n": 1', "list:", "- name: x", "  env:", '  - name: "y"', '    value: ""', '- "z: w"', "none: {}", "text: |", "  one", "  two"].join("\n"),
  );
  assert.equal(yaml.yaml({ image: "a.b/c:1.2", on: "yes", number: "12", end: "x:" }), 'image: a.b/c:1.2\n"on": "yes"\nnumber: "12"\nend: "x:"');
});

const edge = (from, to, state = "ready") => ({ from, to, state, strength: "hard", rule: "r@1", reason: "why", field: "f" });
const node = (resource) => ({ resource, id: "r1", hook: null, origin: { path: "a.yaml", line: 3 } });
const shown = (edges) => ({ graph: "g1", contentRoot: "c1", resources: ["/Namespace/./n", "/ConfigMap/./c", "apps/Deployment/./d", "x.io/Thing/./t"].map(node), edges });

test("a graph has layers by what waits for what", () => {
  const read = graph.readGraph(shown([edge("ConfigMap c", "Namespace n"), edge("Deployment d", "ConfigMap c"), edge("Deployment d", "wave 1"), edge("Thing.x.io t", "Deployment d"), edge("Namespace n", "Deployment d", "absent")]), "shop");
  assert.deepEqual(read.nodes.map((one) => [one.id, one.layer]), [["/Namespace//n", 0], ["/ConfigMap/shop/c", 1], ["apps/Deployment/shop/d", 2], ["x.io/Thing/shop/t", 3], [":wave 1", 0]]);
  assert.equal(read.nodes[4].key, null, "what is no resource is a barrier");
  assert.equal(read.edges.length, 4, "what orders deletion only is left out");
  assert.equal(read.layers, 4);
  assert.equal(read.nodes[0].origin, "a.yaml:3");
});

test("a cycle, which no graph has, ends all the same", () => {
  const read = graph.readGraph(shown([edge("ConfigMap c", "Deployment d"), edge("Deployment d", "ConfigMap c")]), "shop");
  assert.equal(read.nodes[1].layer, read.nodes[2].layer);
  assert.equal(graph.readGraph({ graph: "g1", resources: [], edges: [] }, "x").layers, 0);
});

function large(count) {
  const all = [node("/Namespace/./n")];
  const edges = [];
  for (let at = 0; at < count; at += 1) {
    all.push(node(`/ConfigMap/./c${at}`), node(`apps/Deployment/./d${at}`));
    edges.push(edge(`ConfigMap c${at}`, "Namespace n"), edge(`Deployment d${at}`, `ConfigMap c${at}`));
  }
  return graph.readGraph({ graph: "g1", contentRoot: "", resources: all, edges }, "shop");
}

test("many of one kind in a layer are folded, but not what is in trouble", () => {
  const read = large(100);
  const wish = { isShown: () => true, mayFold: (at) => at !== 2, open: new Set() };
  const folded = layout.lay(read, wish);
  assert.deepEqual(folded.boxes.map((box) => box.members.length).sort((a, b) => a - b), [1, 1, 99, 100]);
  assert.equal(folded.lines.length, 3);
  assert.equal(layout.lay(read, { ...wish, open: new Set(folded.boxes.map((box) => box.id)) }).boxes.length, 201);
  const whole = layout.lay(read, { ...wish, mayFold: () => false });
  const places = new Set(whole.boxes.map((box) => `${box.x} ${box.y}`));
  assert.equal(places.size, 201, "no box lies on another");
  for (const { from, to } of whole.lines) assert.ok(whole.boxes[to].x < whole.boxes[from].x, "what is waited for is on the left");
});

test("a filter leaves lines of what is shown alone", () => {
  const read = large(10);
  const found = layout.lay(read, { isShown: (at) => read.nodes[at].key.kind !== "ConfigMap", mayFold: () => false, open: new Set() });
  assert.deepEqual([found.boxes.length, found.lines.length], [11, 0]);
  assert.ok(found.boxOf.every((box, at) => (box === -1) === (read.nodes[at].key.kind === "ConfigMap")));
});

const step = (resource) => ({ resource, action: "update", phase: null });
const told = (event, more) => ({ time: "2026-11-26T10:00:00.000Z", event, ...more });

test("events of a sync become steps, and the longest chain is known", () => {
  const wait = (resource) => ({ resource, state: "ready", reason: "why", behind: null });
  let now = progress.nothing();
  for (const event of [
    told("runStarted", { application: "a", graph: "g1", steps: 4 }),
    told("stepBlocked", { step: step("b"), waitsFor: [wait("a")] }),
    told("stepBlocked", { step: step("c"), waitsFor: [wait("b"), wait("a")] }),
    told("stepStarted", { step: step("a") }),
    told("stepStarted", { step: step("x") }),
    told("stepDone", { step: step("x"), outcome: "failed", message: "no", seconds: 1 }),
    told("stepWaiting", { step: step("a"), object: "p", reason: "1 of 3", seconds: 2 }),
    told("unheardOf", {}),
  ])
    now = progress.take(now, event);
  assert.deepEqual([now.total, now.over, now.failed, now.steps.get("a").state, now.steps.get("a").reason], [4, 1, 1, "checking", "1 of 3"]);
  assert.deepEqual(progress.critical(now), ["a", "b", "c"]);
  now = progress.take(now, told("stepDone", { step: step("a"), outcome: "succeeded", message: null, seconds: 1 }));
  assert.deepEqual(progress.critical(now), ["b", "c"]);
  now = progress.take(now, told("runDone", { outcome: "failed", release: 3, seconds: 4, requests: 1 }));
  assert.equal(now.outcome, "failed");
  assert.equal(progress.take(now, told("runStarted", { application: "a", graph: "g2", steps: 1 })).outcome, null, "another sync is another");
});

const plans = (steps) => ({ application: "a", from: null, to: "g1", unchanged: 0, forgotten: [], kept: [], losses: [], guards: [], steps });
const planned = (resource, action, more = {}) => ({ resource, action, cause: "changed", layer: 1, changes: [], waitsFor: [], ...more });

test("the button says what it does, and what cannot be undone is named", () => {
  const all = plans([planned("/ConfigMap/n/a", "update"), planned("/Service/n/b", "create"), planned("/PersistentVolumeClaim/n/p", "delete", { layer: 2 }), planned("apps/Deployment/n/d", "update", { recreatedFor: "spec.selector" }), planned("apps/Deployment/n/e", "delete")]);
  all.losses = [{ resource: "/PersistentVolumeClaim/n/p", reason: "is deleted: its data goes with it" }];
  const counts = plan.count(all);
  assert.equal(plan.verb(counts, true), "Apply 3 changes, delete 2");
  assert.equal(plan.verb(counts, false), "Apply 3 changes");
  assert.equal(plan.verb({ create: 0, update: 0, hook: 0, delete: 1 }, true), "Delete 1");
  assert.equal(plan.verb(plan.count(plans([])), true), "Apply again");
  assert.deepEqual(plan.risks(all).map((risk) => risk.text), ["PersistentVolumeClaim n/p is deleted: its data goes with it", "Deployment n/d is deleted and made again, because spec.selector cannot change"]);
  assert.deepEqual(plan.layers(all).map(([layer, steps]) => [layer, steps.length]), [[1, 4], [2, 1]]);
});

const row = (name, more = {}) => ({ namespace: "n", name, project: "p", sync: "Synced", health: "Healthy", revision: "abc", release: 1, graph: "", operation: null, message: "", repositories: [], cluster: "c", destination: "d", resourceVersion: "1", ...more });

test("rows are filtered, sorted and grouped as the address says", () => {
  const all = [row("b"), row("a", { health: "Degraded" }), row("c", { sync: "OutOfSync", project: "q", held: true })];
  const names = (query) => rows.arrange(all, rows.readWanted(new URLSearchParams(query))).map((item) => ("row" in item ? item.row.name : `[${item.group}]`)).join(" ");
  assert.equal(names(""), "a b c");
  assert.equal(names("sort=-name"), "c b a");
  assert.equal(names("sort=health"), "a b c");
  assert.equal(names("sync=OutOfSync&sync=Unknown"), "c");
  assert.equal(names("search=A&health=Degraded"), "a");
  assert.equal(names("held=true"), "c");
  assert.equal(names("group=project"), "[p] a b [q] c");
  assert.equal(names("sort=__proto__&group=constructor"), "a b c", "whatever the address says");
  const counts = rows.counts(all);
  assert.deepEqual([counts.total, counts.held, counts.sync.get("Synced"), counts.health.get("Degraded")], [3, 1, 2, 1]);
});

test("events come whole, in whatever pieces bytes come", () => {
  const text = 'id: e-1\ndata: {"a":1}\n\nid: e-2\n\n: silence\n\ndata: one\r\ndata: two\r\n\r\n';
  const whole = [{ id: "e-1", data: '{"a":1}' }, { id: "e-2", data: "" }, { id: "", data: "one\ntwo" }];
  for (const size of [1, 2, 7, 1000]) {
    const reader = new sse.SseReader();
    const found = [];
    for (let at = 0; at < text.length; at += size) found.push(...reader.take(text.slice(at, at + size)));
    assert.deepEqual(found, whole, String(size));
  }
});

test("the best match comes first", () => {
  const all = ["payments-api", "api", "shop-api", "a-p-i", "other"].map((text) => ({ text }));
  assert.deepEqual(find.find(all, "api", 10).map((one) => one.text), ["api", "shop-api", "payments-api", "a-p-i"]);
  assert.equal(find.find(all, "", 2).length, 2);
});

test("resources are what graph, status and tree say together", () => {
  const read = graph.readGraph(shown([]), "shop");
  const states = [{ group: "apps", version: "v1", kind: "Deployment", namespace: "shop", name: "d", status: "OutOfSync" }, { version: "v1", kind: "Service", namespace: "shop", name: "old", status: "OutOfSync", requiresPruning: true }];
  const owner = (kind, name, group = "apps") => [{ group, kind, namespace: "shop", name }];
  const tree = { nodes: [{ group: "apps", kind: "Deployment", namespace: "shop", name: "d", health: { status: "Progressing" } }, { group: "apps", kind: "ReplicaSet", namespace: "shop", name: "r", parentRefs: owner("Deployment", "d") }, { kind: "Pod", namespace: "shop", name: "p", parentRefs: owner("ReplicaSet", "r"), health: { status: "Degraded", message: "crash" } }] };
  const { roots, byId } = resources.together(read, states, tree);
  assert.equal(roots.length, 5);
  const d = byId.get("apps/Deployment/shop/d");
  assert.deepEqual([d.owned, d.worst, d.health, d.sync, d.node], [2, "Degraded", "Progressing", "OutOfSync", 2]);
  assert.ok(byId.get("/Service/shop/old").isPruned && !resources.isCalm(byId.get("/Service/shop/old")));
  assert.equal(resources.mainWord(d), "Degraded");
  assert.equal(byId.get("/Pod/shop/p").message, "crash");
});

test("the same change in many resources is one group", () => {
  const changed = (resource) => ({ resource, change: "changed", fields: [{ path: "data.v", old: "1", new: "2" }] });
  const all = { from: null, to: null, changes: [changed("/ConfigMap/n/a"), changed("/ConfigMap/n/b"), { resource: "/Service/n/s", change: "added" }, { resource: "/Secret/n/t", change: "removed" }] };
  assert.deepEqual(diff.groups(all).map((group) => [group.change, group.resources.length]), [["removed", 1], ["changed", 2], ["added", 1]]);
  assert.deepEqual(diff.counts(all), { added: 1, removed: 1, changed: 2 });
});

test("a rollback bends back, and bends lie beside each other", () => {
  const release = (number, rollbackTo = null) => ({ release: number, rollbackTo });
  const found = line.line([release(1), release(2), release(3, 1), release(4), release(5, 2), release(6, 99)]);
  assert.deepEqual(found.releases.map((one) => one.release), [6, 5, 4, 3, 2, 1]);
  assert.deepEqual(found.bends, [{ from: 1, to: 4 }, { from: 3, to: 5 }]);
  assert.deepEqual(line.lanes(found.bends), [0, 1]);
});
