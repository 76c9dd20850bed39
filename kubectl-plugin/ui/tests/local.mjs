// The UI of `kubectl gitops ui`: the word in its address signs in once.
import assert from "node:assert/strict";
import { accessible, address, close, open, see, shoot, told } from "./steps.mjs";

const { UI_PAGE: once, UI_NAMESPACE: namespace } = process.env;
const page = await open();
await page.goto(once);
await page.getByTestId(`app-${namespace}`).waitFor();
assert.equal(page.url().includes("once"), false, "the word leaves the address");
await shoot(page, "local");
await page.goto(`${address}/applications/${namespace}/${namespace}`);
await page.getByTestId("graph").waitFor();
await see(page, ".app-head", "Synced");
// Git is asked by this process itself, as whoever runs it.
await page.goto(`${address}/applications/${namespace}/${namespace}/plan`);
await see(page, "[data-testid=plan]", "1 step");
await see(page, "[data-testid=apply]", "Apply 1 change");
await shoot(page, "local-plan");
await page.goto(`${address}/applications/${namespace}/${namespace}/diff`);
await see(page, ".group-of", "data.value");
told("planned");
// A cookie would go to whoever listens on another port of this machine. The token is of this port alone.
assert.deepEqual(await page.context().cookies(), []);
const elsewhere = address.replace(/\d+$/, "9");
await page.route(`${elsewhere}/**`, (route) => route.fulfill({ contentType: "text/html", body: "<title>another port</title>" }));
const kept = await page.evaluate(() => localStorage.length);
const next = await page.context().newPage();
await next.route(`${elsewhere}/**`, (route) => route.fulfill({ contentType: "text/html", body: "<title>another port</title>" }));
await next.goto(`${elsewhere}/`);
assert.deepEqual([kept, await next.evaluate(() => localStorage.length)], [1, 0]);
// Another tab of the same address is signed in.
await next.goto(`${address}/applications`);
await next.getByTestId(`app-${namespace}`).waitFor();
told("signed in");
const other = await open();
await other.goto(once);
await see(other, ".sign-in", "one-time word");
await accessible(other, "a word that was used");
told("once");
// Out is out, for each tab, until the program is started again.
const bearer = await page.evaluate(() => localStorage.getItem("token"));
await page.getByRole("button", { name: "Your account" }).click();
await page.getByTestId("sign-out").click();
await see(page, ".sign-in", "kubectl gitops ui");
assert.equal(await page.evaluate(() => localStorage.length), 0);
const status = await page.evaluate(async (token) => (await fetch("/api/v1/applications", { headers: { Authorization: `Bearer ${token}` } })).status, bearer);
assert.equal(status, 401);
told("out");
await close(page, other);
