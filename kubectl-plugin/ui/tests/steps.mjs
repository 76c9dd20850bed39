// What the tests in a browser share: a page that is signed in, and what is looked for on each.
//
// The test program says by its environment where the UI is and who signs in. What has to be done outside of the browser is asked
// of it: a line on stdout, its answer on stdin.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

// Where else a page may lead, and which host is which address: both for sign-in by an issuer.
export const { UI_ADDRESS: address, UI_SHOTS: shots, UI_ALSO: also, UI_HOSTS: hosts } = process.env;
const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** Asks the test program for something; gives what it says. */
export async function ask(what, values = {}) {
  console.log(`ASK ${JSON.stringify({ what, ...values })}`);
  const { value } = await answers.next();
  return JSON.parse(value);
}

export function told(name) {
  console.log(`ok ${name}`);
}

let browser;
const pages = [];

// What was seen when something failed.
process.on("uncaughtException", async (error) => {
  console.log(error);
  for (const [at, page] of pages.entries()) {
    if (page.isClosed()) continue;
    await shoot(page, `failed-${at}`).catch(() => {});
    console.log(page.url(), page.wrong, await page.locator("body").innerText({ timeout: 1000 }).catch(() => ""));
  }
  await browser?.close().catch(() => {});
  process.exit(1);
});

/** Takes the pages from a folder where `UI_DIST` names one, as `node build.mjs FOLDER` makes it: nothing else is built again. */
async function fromFolder(context) {
  const folder = process.env.UI_DIST;
  if (!folder) return;
  await context.route(`${address}/**`, async (route) => {
    const { pathname } = new URL(route.request().url());
    if (pathname.startsWith("/api/") || pathname.startsWith("/auth/")) return route.fallback();
    policy ??= process.env.UI_POLICY ?? (await fetch(address)).headers.get("content-security-policy");
    const path = pathname.startsWith("/assets/") ? folder + pathname : `${folder}/index.html`;
    await route.fulfill({ path, headers: { "content-security-policy": policy }, contentType: TYPES[path.split(".").pop()] });
  });
}
let policy;
const TYPES = { js: "text/javascript", css: "text/css", html: "text/html", svg: "image/svg+xml" };

/** A browser of its own for each, with nothing kept. What a page says is wrong fails the test. */
export async function open({ dark = false, narrow = false, ...more } = {}) {
  const args = ["--no-sandbox", "--disable-dev-shm-usage", ...(hosts ? [`--host-resolver-rules=${hosts}`] : [])];
  browser ??= await chromium.launch({ executablePath: process.env.UI_CHROMIUM, args });
  const context = await browser.newContext({
    viewport: narrow ? { width: 390, height: 844 } : { width: 1440, height: 900 },
    colorScheme: dark ? "dark" : "light",
    reducedMotion: "reduce",
    ignoreHTTPSErrors: hosts !== undefined,
    ...more,
  });
  await fromFolder(context);
  const page = await context.newPage();
  pages.push(page);
  page.setDefaultTimeout(20_000);
  page.wrong = [];
  page.on("pageerror", (error) => page.wrong.push(`error: ${error.message}`));
  page.on("console", (line) => {
    // Refusals by the server are looked at where they are meant.
    if (line.type() === "error" && !line.text().includes("Failed to load resource")) page.wrong.push(line.text());
  });
  page.on("dialog", (dialog) => {
    page.wrong.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("request", (request) => {
    const { origin } = new URL(request.url());
    // What the issuer's own pages ask for is its business.
    const isTheirs = also !== undefined && page.url().startsWith(also);
    if (origin !== address && origin !== also && !isTheirs) page.wrong.push(`asked elsewhere: ${request.url()}`);
  });
  return page;
}

export async function signIn(page, token, path = "/applications") {
  await page.goto(address + path);
  await page.getByTestId("token").fill(token);
  await page.getByTestId("sign-in").click();
  await page.locator(".frame").waitFor();
}

/** Goes elsewhere without loading the page again. */
export async function go(page, path) {
  await page.evaluate((to) => {
    history.pushState(null, "", to);
    dispatchEvent(new PopStateEvent("popstate"));
  }, path);
}

/** Waits for a text in a part of the page. */
export async function see(page, where, text) {
  await page.locator(where).filter({ hasText: text }).first().waitFor();
}

/** Fails where the page is not as everybody can use it. */
export async function accessible(page, name) {
  if (!(await page.evaluate(() => "axe" in globalThis))) {
    await page.evaluate((await import("node:fs")).readFileSync(axe, "utf8"));
  }
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"] }));
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => `${node.html} ${node.failureSummary}`).join("; ")}`);
  assert.deepEqual(found, [], name);
}

/** Keeps a picture, where somebody wants to look at them. */
export async function shoot(page, name) {
  if (!shots) return;
  mkdirSync(shots, { recursive: true });
  await page.screenshot({ path: `${shots}/${name}.png` });
}

/** The end: what any page said. */
export async function close(...pages) {
  for (const page of pages) assert.deepEqual(page.wrong, []);
  await browser?.close();
  // Answers may still be waited for.
  process.exit(0);
}
