// What goes wrong, and what is done about it, seen live: against a real controller and cluster.
import assert from "node:assert/strict";
import { accessible, address, ask, close, go, open, see, shoot, signIn, told } from "./steps.mjs";

const { UI_TOKEN: token, UI_NAMESPACE: namespace } = process.env;
const app = `/applications/${namespace}/${namespace}`;
const page = await open();
await signIn(page, token, app);
await page.getByTestId("graph").waitFor();
await see(page, ".app-head", "Healthy");
const progress = "[data-testid=progress]";
const node = (kind, name, group = "") => `node=${encodeURIComponent(`${group}/${kind}/${namespace}/${name}`)}`;
const refresh = () => page.getByTestId("refresh").click();
const quiet = async () => {
  if (await page.locator(progress).count()) await page.locator(progress).getByRole("button", { name: "Hide" }).click();
};

// What it is made of knows where it comes from; so does what it is connected to.
await go(page, `${app}?${node("ConfigMap", "a")}`);
await see(page, "[data-testid=origin]", "deploy/a.yaml:1");
for (const place of ["repositories", "clusters"]) {
  await go(page, `/${place}`);
  await page.getByTestId("connection-Successful").first().waitFor();
  await accessible(page, place);
  await shoot(page, `connected-${place}`);
}
told("where it comes from");

// A sync is followed: what waits says for what, and all of it ends well without anybody loading anything again.
await go(page, `${app}?${node("ConfigMap", "after")}`);
await ask("commit", { value: "slow" });
await refresh();
await see(page, progress, "Syncing");
await see(page, "[data-testid=drawer]", "waits for Deployment");
await shoot(page, "sync-that-waits");
await accessible(page, "a sync that waits");
await see(page, progress, "The sync is done.");
await see(page, ".app-head", "Healthy");
await see(page, ".app-head", "Synced");
told("a sync is followed");

// An image that cannot be had: the reason is on the page while it waits, and the sync can be stopped.
await quiet();
await go(page, `${app}?${node("Deployment", "broken", "apps")}`);
await ask("commit", { value: "image" });
await refresh();
await see(page, "[data-testid=drawer]", "ImagePullBackOff");
await see(page, progress, "ImagePullBackOff");
await accessible(page, "an image that cannot be had");
await shoot(page, "no-image");
await page.getByTestId("terminate").click();
await page.getByTestId("terminate").waitFor({ state: "detached" });
await see(page, progress, /failed|cut off/);
await see(page, ".app-head", /Degraded|Progressing/);
told("no image");

// What Git says is no manifest: where, and the last good graph is still there.
await ask("commit", { value: "wrong" });
await refresh();
await see(page, "[data-testid=condition]", "deploy/wrong.yaml");
await accessible(page, "no manifest");
await shoot(page, "wrong");
assert.ok((await page.getByTestId("graph").evaluate((one) => one.drawn.boxes().length)) >= 3);
await ask("commit", { value: "well" });
await refresh();
await page.getByTestId("condition").waitFor({ state: "detached" });
await see(page, ".app-head", "Healthy");
told("no manifest");

// What the API server refuses is told in its words.
await quiet();
await ask("quota", {});
await ask("commit", { value: "service" });
await refresh();
await see(page, progress, "exceeded quota");
await go(page, `${app}/activity`);
await see(page, ".tab", "exceeded quota");
await accessible(page, "refused");
await shoot(page, "refused");
await ask("no quota", {});
await ask("commit", { value: "well again" });
await refresh();
await see(page, ".app-head", "Synced");
told("refused");

// What somebody changes is put back, while one looks on.
await go(page, app);
await page.locator(".app[aria-busy=false]").waitFor();
await quiet();
await ask("change", { value: "changed by hand" });
await see(page, progress, "The sync is done.");
await ask("until", { value: "1" });
await see(page, ".app-head", "Synced");
told("healed");

// A hold stops that until it is released.
await page.getByRole("button", { name: "More actions" }).click();
await page.getByTestId("hold").click();
await page.getByLabel("Reason").fill("a freeze");
await page.getByTestId("hold-now").click();
await page.getByTestId("held").waitFor();
await accessible(page, "held");
await shoot(page, "held");
await ask("commit", { value: "held" });
await refresh();
await see(page, ".app-head", "Out of sync");
await go(page, "/applications");
await see(page, ".row", "Held");
await see(page, ".row", "Out of sync: 1");
await see(page, ".row", "A change");
await go(page, app);
await page.getByRole("button", { name: "More actions" }).click();
await page.getByTestId("release").first().click();
await page.getByTestId("release-now").click();
await ask("until", { value: "held" });
await see(page, ".app-head", "Synced");
await page.getByTestId("held").waitFor({ state: "detached" });
told("held");
await close(page);
