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
told("signed in");
const other = await open();
await other.goto(once);
await see(other, ".sign-in", "one-time word");
await accessible(other, "a word that was used");
told("once");
await close(page, other);
