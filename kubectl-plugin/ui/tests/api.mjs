// An API that is not there: what the pages show is looked at without a server. It answers what the real one would; the way through
// the real one is `everyday.mjs`.
const HOSTILE = "<img src=x onerror=alert(1)>";
const id = (letter) => `g1-${letter.repeat(52)}`;
const before = (seconds) => new Date(Date.now() - seconds * 1000).toISOString();
const NAMES = ["cart", "checkout", "catalog", "payments", "search", "web", "gateway", "orders"];
const SYNC = ["Synced", "Synced", "OutOfSync", "Synced", "Unknown"];
const HEALTH = ["Healthy", "Degraded", "Healthy", "Progressing", "Healthy", "Missing", "Suspended"];

export function rows(count) {
  const all = Array.from({ length: count }, (_, at) => ({
    namespace: "argocd",
    name: `${NAMES[at % NAMES.length]}${at < NAMES.length ? "" : `-${at}`}`,
    project: ["shop", "platform", HOSTILE][at % 3],
    sync: SYNC[at % SYNC.length],
    outOfSync: SYNC[at % SYNC.length] === "OutOfSync" ? (at % 7) + 1 : 0,
    subject: at % 5 === 4 ? HOSTILE : "cart 1.8.2, drop what nobody uses any more",
    health: HEALTH[at % HEALTH.length],
    revision: String(at).padStart(40, "8f3c2a1d"),
    release: at % 11 === 5 ? null : (at % 30) + 1,
    graph: id("k"),
    operation: at % 9 === 2 ? "Running" : "Succeeded",
    message: at % 7 === 1 ? `ImagePullBackOff ${HOSTILE}` : "",
    repositories: [`https://git.example.com/${at % 5}.git`, "javascript:alert(1)"],
    cluster: "https://kubernetes.default.svc",
    destination: "shop",
    resourceVersion: String(at + 1),
    deployedAt: before(at * at + 60),
    held: at % 8 === 3,
  }));
  return all.sort((one, other) => (one.name < other.name ? -1 : 1));
}

/** Services with what they need, as many resources as asked for. */
export function graph(count) {
  const resources = [];
  const edges = [];
  const spoken = (key) => `${key.split("/")[1]} ${key.split("/").at(-1)}`;
  const add = (key) => resources.push({ resource: key, id: "r1-x", hook: key.includes("/Job/") ? ["PreSync"] : null, origin: { path: `deploy/${key.split("/").at(-1)}.yaml`, line: 31, column: 1 } });
  const edge = (from, to, state, reason) => edges.push({ from: spoken(from), to: spoken(to), state, strength: "hard", rule: "r@1", reason, field: `spec[${HOSTILE}]` });
  const [namespace, job] = ["/Namespace/./shop", "batch/Job/./migrate"];
  [namespace, job].forEach(add);
  edge(job, namespace, "present", "its namespace");
  for (let at = 0; resources.length < count; at += 1) {
    const name = `${NAMES[at % NAMES.length]}${at < NAMES.length ? "" : `-${at}`}`;
    const [config, secret, deployment, service] = [`/ConfigMap/./${name}-config`, `/Secret/./${name}-keys`, `apps/Deployment/./${name}`, `/Service/./${name}`];
    [config, secret, deployment, service].forEach(add);
    for (const one of [config, secret]) edge(one, namespace, "present", "its namespace");
    for (const one of [config, secret]) edge(deployment, one, "present", "a volume of it");
    edge(deployment, job, "ready", "a hook before");
    edge(service, deployment, "ready", "its Pods");
  }
  return { schemaVersion: 1, graph: id("p"), contentRoot: "c1", hookRoot: "h1", resources, edges };
}

const key = (kind, name, group = "") => `${group}/${kind}/shop/${name}`;

function application(row, shown) {
  const states = shown.resources.slice(0, 500).map(({ resource }, at) => {
    const [group, kind, , name] = resource.split("/");
    const health = kind === "Deployment" ? { health: { status: name === "payments" ? "Degraded" : "Healthy", message: name === "payments" ? `CrashLoopBackOff ${HOSTILE}` : "" } } : {};
    return { group, version: "v1", kind, ...(kind === "Namespace" ? {} : { namespace: "shop" }), name, status: at % 13 === 5 ? "OutOfSync" : "Synced", ...health };
  });
  const conditions = [{ type: "SyncError", message: `error: it does not compile ${HOSTILE}` }, ...(row.held ? [{ type: "RollbackHoldWarning", message: "held" }] : [])];
  return {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Application",
    metadata: { name: row.name, namespace: row.namespace, resourceVersion: row.resourceVersion, creationTimestamp: before(90000), annotations: { note: HOSTILE, link: "javascript:alert(1)" }, ...(row.name === "web" ? { deletionTimestamp: before(5) } : {}) },
    spec: { project: row.project, source: { repoURL: "javascript:alert(1)", path: "deploy", targetRevision: HOSTILE }, destination: { server: row.cluster, namespace: "shop" }, syncPolicy: { automated: { prune: true, selfHeal: true } } },
    status: {
      sync: { status: row.sync, revision: row.revision },
      health: { status: row.health },
      resources: states,
      conditions,
      operationState: { phase: "Failed", startedAt: before(90), finishedAt: before(60), message: HOSTILE, operation: { initiatedBy: { username: "maria" } }, syncResult: { revision: row.revision, resources: [{ group: "", kind: "Service", namespace: "shop", name: "cart", status: "SyncFailed", message: HOSTILE }] } },
      reconciledAt: before(30),
      gitops: { desired: id("p"), live: id("k"), release: 8, target: "t", subject: row.subject },
    },
  };
}

function tree(shown) {
  const nodes = [];
  for (const { resource } of shown.resources) {
    const [group, kind, , name] = resource.split("/");
    if (kind !== "Deployment") continue;
    const deployment = { group, version: "v1", kind, namespace: "shop", name };
    const set = { group: "apps", version: "v1", kind: "ReplicaSet", namespace: "shop", name: `${name}-7d9f` };
    nodes.push({ ...deployment, health: { status: name === "payments" ? "Degraded" : "Healthy" } }, { ...set, parentRefs: [deployment] });
    nodes.push({ version: "v1", kind: "Pod", namespace: "shop", name: `${name}-7d9f-x2`, parentRefs: [set], images: ["cart:1"], health: { status: name === "payments" ? "Degraded" : "Healthy", message: HOSTILE }, createdAt: before(500) });
  }
  return { nodes };
}

const step = (resource, action, layer, more = {}) => ({ resource, action, cause: "changed", layer, changes: [], waitsFor: [], ...more });
const plan = {
  schemaVersion: 1, application: "cart", from: id("k"), to: id("p"), unchanged: 413, kept: [key("Secret", "kept")], forgotten: [{ resource: key("Secret", "old"), reason: HOSTILE }], refusals: [`the window is closed ${HOSTILE}`], losses: [{ resource: key("PersistentVolumeClaim", "data"), reason: `is deleted: its data goes with it ${HOSTILE}` }], guards: ["deleting PersistentVolumeClaim shop/data needs --allow-delete=PersistentVolumeClaim"],
  steps: [
    step(key("ConfigMap", "cart-config"), "update", 1, { changes: [{ path: "data.text", old: "one\ntwo\nthree", new: `one\n${HOSTILE}\nthree\nfour` }] }),
    step(key("Deployment", "cart", "apps"), "update", 2, { changes: [{ path: "spec.image", old: "cart:1", new: "cart:2" }], waitsFor: [{ resource: key("ConfigMap", "cart-config"), state: "present", reason: "a volume of it", behind: { barrier: "wave 1", steps: 2 } }] }),
    step(key("Job", "check", "batch"), "hook", 3, { phase: "PostSync", cause: "new" }),
    step(key("PersistentVolumeClaim", "data"), "delete", 4, { cause: "removed" }),
  ],
};
const diff = { schemaVersion: 1, from: null, to: id("p"), changes: [{ resource: key("Deployment", "cart", "apps"), change: "changed", fields: [{ path: "spec.replicas", old: 5, new: 3, by: { manager: HOSTILE, subresource: "", time: before(800) } }, { path: "metadata.annotations[note]", old: "javascript:alert(1)", new: HOSTILE }] }, ...["a", "b"].map((name) => ({ resource: key("ConfigMap", name), change: "changed", fields: [{ path: "data.v", old: "1", new: "2" }] })), { resource: key("Service", "new"), change: "added" }, { resource: key("Service", "gone"), change: "removed" }] };
const release = (number, more) => ({ release: number, live: false, held: false, parent: number - 1, graph: id("p"), contentRoot: "c1", time: before(9000 / number), actor: HOSTILE, commit: { oid: "8".repeat(40), subject: `a change ${HOSTILE}`, dirty: false }, rollbackTo: null, partial: false, inputs: [], created: 1, changed: 2, deleted: 0, outcome: "succeeded", message: null, ...more });
const history = { schemaVersion: 1, application: "cart", holdAll: true, releases: [release(1, {}), release(2, { outcome: "failed", message: HOSTILE }), release(3, { held: true }), release(4, { live: true, rollbackTo: 1, commit: null })] };
const events = { items: [{ type: "Warning", reason: "BackOff", message: HOSTILE, lastTimestamp: before(300), count: 14, metadata: { uid: "1" }, involvedObject: { kind: "Pod" } }] };
const manifest = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "cart", annotations: { note: HOSTILE } }, spec: { containers: [{ name: "one" }, { name: "two" }] } };

function progress() {
  const one = (name) => ({ resource: key("ConfigMap", `${name}-config`), action: "update", phase: null });
  const blocked = { resource: key("Deployment", "cart", "apps"), action: "update", phase: null };
  const told = (event, more) => `data: ${JSON.stringify({ schemaVersion: 1, time: before(1), event, ...more })}\n\n`;
  return [
    told("runStarted", { application: "cart", graph: id("p"), steps: 3 }),
    told("stepBlocked", { step: blocked, waitsFor: [{ resource: one("cart").resource, state: "present", reason: "a volume of it", behind: null }] }),
    told("stepStarted", { step: one("cart") }),
    told("stepDone", { step: one("web"), outcome: "failed", message: HOSTILE, seconds: 1 }),
  ].join("");
}

/** Answers all that a page asks for. `change` may give another answer for a path: a status and a body, or `hang`. */
export async function answer(page, address, { count = 40, resources = 40, change = () => undefined } = {}) {
  const [all, shown] = [rows(count), graph(resources)];
  const told = { user: { loggedIn: true, username: "maria@example.com", groups: ["developers"] }, asked: [] };
  await page.route(`${address}/api/**`, async (route) => {
    const request = route.request();
    const { pathname: path, searchParams: query } = new URL(request.url());
    if (request.method() !== "GET") told.asked.push([request.method(), path, request.postDataJSON()]);
    const json = (body, status = 200) => route.fulfill({ status, contentType: "application/json", body: JSON.stringify(body) });
    const stream = (body) => route.fulfill({ contentType: "text/event-stream", body });
    const other = change(path, told);
    if (other === "hang") return;
    if (other === "abort") return route.abort();
    if (other) return json(other.body, other.status);
    const tail = path.replace(/^\/api\/(gitops\/)?v1\/(stream\/)?applications\/[^/]+/, "");
    const app = all.find((row) => path.includes(`/applications/${row.name}`) && !path.includes(`/applications/${row.name}-`));
    switch (true) {
      case path === "/api/v1/session": return json({});
      case path === "/api/v1/session/userinfo": return json(told.user);
      case path === "/api/v1/settings": return json({});
      case path === "/api/gitops/v1/applications": {
        const [limit, from] = [Number(query.get("limit")), Number(query.get("continue") || 0)];
        return json({ schemaVersion: 1, applications: all.slice(from, from + limit), total: all.length, continue: from + limit < all.length ? String(from + limit) : "", sync: {}, health: {}, at: "e-1" });
      }
      // Silence.
      case path === "/api/gitops/v1/stream/applications": return;
      case path === "/api/v1/projects": return json({ items: [{ metadata: { name: "shop" }, spec: { description: HOSTILE, sourceRepos: ["javascript:alert(1)"], destinations: [{ server: "*", namespace: "shop" }] } }] });
      case path === "/api/v1/clusters": return json({ items: [{ server: "javascript:alert(1)", name: HOSTILE, info: { applicationsCount: 3 }, connectionState: { status: "Failed", message: `error getting cluster by server ${HOSTILE}` } }, { server: "https://kubernetes.default.svc", name: "https://kubernetes.default.svc", info: { applicationsCount: 37 }, connectionState: { status: "Successful", attemptedAt: before(4) } }] });
      case path === "/api/v1/repositories": return json({ items: [{ repo: "javascript:alert(1)", connectionState: { status: "Failed", message: `cannot fetch: ${HOSTILE}`, attemptedAt: before(95) } }, { repo: "https://git.example.com/0.git", connectionState: { status: "Successful", attemptedAt: before(12) } }, { repo: "https://git.example.com/1.git", connectionState: { status: "Unknown" } }] });
      case !app: return json({ error: "not found", code: 5, message: "the Application is not there" }, 404);
      case tail === "": return json(application(app, shown));
      case tail === "/graph": return json(shown);
      case tail === "/rights": return json({ schemaVersion: 1, patch: true, delete: true, logs: true });
      case tail === "/plan": return json(plan);
      case tail === "/diff": return json(diff);
      case tail === "/history": return json(history);
      case tail === "/events": return json(events);
      case tail === "/resource-tree": return path.includes("/stream/") ? stream(`data: ${JSON.stringify({ result: tree(shown) })}\n\n`) : json(tree(shown));
      case tail === "/progress": return app.name === "cart" ? stream(progress()) : undefined;
      case tail === "/resource": return json({ manifest: JSON.stringify(manifest) });
      case tail === "/manifests": return json({ manifests: [JSON.stringify(manifest)], namespace: "shop" });
      case tail.endsWith("/logs"): return stream(["hello", HOSTILE, "javascript:alert(1)"].map((content) => `data: ${JSON.stringify({ result: { content, timeStampStr: before(9), last: false, podName: "p" } })}\n\n`).join(""));
      default: return json({});
    }
  });
  return told;
}
