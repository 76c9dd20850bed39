// Sign-in by an issuer: there and back to where one was, refused with its reason, over and again, and out.
import assert from "node:assert/strict";
import { accessible, address, also as issuer, ask, close, open, see, shoot, told } from "./steps.mjs";

const { UI_NAMESPACE: namespace, UI_REFUSED: refused } = process.env;
const there = `/applications/${namespace}/${namespace}/resources?search=a`;
const page = await open();
const where = () => page.evaluate(() => location.pathname + location.search);
const by = page.getByTestId("sign-in-issuer");

// Who is not signed in is led to the issuer, and comes back to where they wanted to go. Why not is told as text.
await page.goto(address + there);
await by.waitFor();
assert.equal(await by.innerText(), "Sign in with OIDC");
await accessible(page, "sign-in by an issuer");
await shoot(page, "sign-in-issuer");
for (const [person, why] of [["nobody", "access_denied"], [refused, "does not know this token"]]) {
  await page.context().addCookies([{ name: "person", value: person, url: issuer }]);
  await by.click();
  await see(page, "[data-testid=why]", why);
  assert.equal(await where(), there);
  await accessible(page, `refused: ${person}`);
}
await shoot(page, "sign-in-refused");
// It is told once.
await page.reload();
await by.waitFor();
assert.equal(await page.getByTestId("why").count(), 0);
told("refused");

// The issuer remembers whom it refused nothing.
await page.context().clearCookies();
await by.click();
await page.getByTestId("resources").waitFor();
assert.equal(await where(), there);
await page.getByRole("button", { name: "Your account" }).click();
await see(page, ".choices", "oidc:anna");
await page.keyboard.press("Escape");
await page.reload();
await page.getByTestId("resources").waitFor();
told("signed in");

// A session that ends, ends for the page at once, and begins again where one was.
await ask("end sessions");
await see(page, ".sign-in", "Your session is over");
assert.equal(await where(), there);
await accessible(page, "a session that is over");
await by.click();
await page.getByTestId("resources").waitFor();
assert.equal(await where(), there);
told("again");

// Out, at the issuer, too: whoever signs in next is asked.
await page.getByRole("button", { name: "Your account" }).click();
await page.getByTestId("sign-out").click();
await page.locator("button[value=yes]").click();
await by.waitFor();
assert.equal(new URL(page.url()).origin, address);
const cookies = await page.context().cookies(address);
assert.deepEqual(cookies.filter(({ name }) => name.startsWith("__Host-kubectl-gitops")), []);
assert.equal(await page.evaluate(async () => (await fetch("/api/v1/applications")).status), 401);
told("out");
await close(page);
