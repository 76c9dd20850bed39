// An everyday way through the UI, against a real controller and cluster.
import assert from "node:assert/strict";
import { accessible, address, ask, close, go, open, see, shoot, signIn, told } from "./steps.mjs";

const { UI_TOKEN: token, UI_NAMESPACE: namespace, UI_READER: reader } = process.env;
const app = `/applications/${namespace}/${namespace}`;
const page = await open();
// The Pods of this cluster do no work, and have no log.
const line = (content, last) => `data: ${JSON.stringify({ result: { content, timeStampStr: "2026-11-26T10:00:00Z", last, podName: "web" } })}\n\n`;
await page.route("**/logs?*", (route) => route.fulfill({ contentType: "text/event-stream", body: line("hello <script>alert(2)</script>", false) + line("", true) }));

// Who is not signed in sees how to, and comes to where they wanted to go.
await page.goto(`${address}${app}/resources`);
await page.getByTestId("token").waitFor();
await accessible(page, "sign-in");
await shoot(page, "sign-in");
await page.getByTestId("token").fill("wrong");
await page.getByTestId("sign-in").click();
await see(page, ".error", "does not know this token");
await page.getByTestId("token").fill(token);
await page.getByTestId("sign-in").click();
await page.getByTestId("resources").waitFor();
assert.equal(new URL(page.url()).pathname, `${app}/resources`);
told("sign in");

// Nothing of the page may be run or framed by others.
const answer = await page.request.get(`${address}/`);
const policy = answer.headers()["content-security-policy"];
assert.match(policy, /script-src 'self';/);
assert.ok(!policy.includes("unsafe"), policy);
const cookies = await page.context().cookies();
assert.ok(cookies.find(({ name }) => name === "__Host-kubectl-gitops").httpOnly);
await page.evaluate(() => document.body.insertAdjacentElement("beforeend", document.createElement("i")));
const evaluated = await page.evaluate(() => {
  const script = document.createElement("script");
  try {
    script.text = "globalThis.ran = true";
    document.body.append(script);
  } catch {
    return "refused";
  }
  return globalThis.ran ? "ran" : "refused";
});
assert.equal(evaluated, "refused");
page.wrong = page.wrong.filter((line) => !line.includes("Trusted") && !line.includes("trusted") && !line.includes("Content Security Policy"));
told("policy");

// Find it by the keyboard, open it.
await go(page, "/applications");
await page.getByTestId(`app-${namespace}`).waitFor();
await accessible(page, "applications");
await shoot(page, "applications");
await page.keyboard.press("/");
await page.getByTestId("search").fill(namespace);
await see(page, "[role=option][aria-selected=true]", namespace);
await accessible(page, "search");
await page.keyboard.press("Enter");
await page.getByTestId("graph").waitFor();
await see(page, ".app-head", "Synced");
await accessible(page, "graph");
await shoot(page, "graph");
await page.getByTestId("as-list").click();
await see(page, "[data-testid=layers]", "web");
await accessible(page, "graph as a list");
told("find and open");

// A resource: summary, manifest, events, log, edges; hostile text is text.
await page.getByTestId("layers").getByRole("button", { name: "Deployment web" }).click();
await see(page, "[data-testid=drawer]", "Deployment");
await see(page, "[data-testid=drawer]", "Pod");
await accessible(page, "drawer");
await page.getByTestId("show-manifest").click();
await see(page, ".drawer .code", "kind: Deployment");
await page.locator(".drawer").getByRole("button", { name: "Desired" }).click();
await see(page, ".drawer .code", "<img src=x onerror=alert(1)>");
await accessible(page, "manifest");
await page.getByTestId("show-edges").click();
await see(page, ".drawer .edges", "ConfigMap");
await page.getByTestId("show-logs").click();
await see(page, "[data-testid=log]", "<script>alert(2)</script>");
await accessible(page, "log");
await shoot(page, "log");
await page.getByTestId("show-events").click();
await page.keyboard.press("Escape");
await page.getByTestId("drawer").waitFor({ state: "detached" });
told("a resource");

// Every tab, and other pages.
for (const tab of ["resources", "history", "activity", "settings", "diff", "plan"]) {
  await page.getByTestId(`tab-${tab}`).click();
  await page.locator(".tab .page, .tab .list").first().waitFor();
  await page.locator(".skeleton").waitFor({ state: "detached" });
  await accessible(page, tab);
  await shoot(page, tab);
}
for (const place of ["activity", "repositories", "clusters", "projects"]) {
  await go(page, `/${place}`);
  await page.locator("main h1").waitFor();
  await page.locator(".skeleton").waitFor({ state: "detached" });
  await accessible(page, place);
}
assert.equal(await page.evaluate(() => document.querySelectorAll("img, iframe, object, a[href^='javascript']").length), 0);
told("every page");

// A change in Git is seen without loading anything again; a sync is asked for and followed.
await go(page, app);
await ask("commit", { value: "2" });
await page.getByTestId("refresh").click();
await see(page, ".app-head", "Out of sync");
await page.keyboard.press("d");
await see(page, ".group-of", "data.value");
await page.keyboard.press("s");
await see(page, "[data-testid=plan]", "ConfigMap");
await shoot(page, "plan-of-a-change");
assert.match(await page.getByTestId("apply").innerText(), /^Apply 1 change$/);
await page.getByTestId("apply").click();
await see(page, ".app-head", "Synced");
await ask("until", { value: "2" });
told("a sync");

// History, and the way back; what it took away is held.
await page.keyboard.press("h");
await see(page, "[data-testid=releases] .release.live", "2");
await page.getByTestId("rollback-1").click();
await see(page, "[data-testid=plan]", "Rollback to release 1");
await page.getByTestId("apply").click();
await ask("until", { value: "1" });
await go(page, `${app}/history`);
await see(page, "[data-testid=releases] .release.live", "as release 1");
await see(page, "[data-testid=releases]", "held");
await shoot(page, "history-of-a-rollback");
told("a rollback");

// Who may only look is offered nothing else.
const other = await open({ dark: true, narrow: true });
await signIn(other, reader, app);
await other.getByTestId("graph").waitFor();
assert.equal(await other.getByTestId("sync").count(), 0);
assert.equal(await other.getByTestId("refresh").count(), 0);
await accessible(other, "a reader, dark and narrow");
await shoot(other, "reader");
await go(other, `/applications/${namespace}/nothing`);
await see(other, ".empty", "There is nothing here");
await accessible(other, "nothing here");
told("a reader");

// Sign-out ends it for this browser at once.
await go(page, "/applications");
await page.getByRole("button", { name: "Your account" }).click();
await accessible(page, "menu");
await page.getByTestId("sign-out").click();
await page.getByTestId("token").waitFor();
assert.equal((await page.request.get(`${address}/api/v1/applications`)).status(), 401);
told("sign out");
await close(page, other);
