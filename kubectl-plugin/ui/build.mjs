// Bundles the sources: `node build.mjs FOLDER`. Out: files whose names have the hash of what is in them, each also compressed,
// and `files.txt`, a line for each: its name, its type, the hash, whether it may be kept for ever. Nothing is asked of any network.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const out = process.argv[2];
if (!out) {
  console.error("usage: node build.mjs FOLDER");
  process.exit(2);
}

const TYPES = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};

const bundled = await build({
  absWorkingDir: here,
  entryPoints: { main: "src/main.tsx", page: "src/styles/page.css", icon: "src/icon.svg" },
  outdir: "/assets",
  entryNames: "[name]-[hash]",
  loader: { ".svg": "copy" },
  bundle: true,
  format: "esm",
  target: ["es2022", "chrome111", "firefox113", "safari16.4"],
  jsx: "automatic",
  jsxImportSource: "preact",
  minify: true,
  legalComments: "none",
  write: false,
  logLevel: "warning",
});

const files = bundled.outputFiles.map(({ path, contents }) => ({ name: `assets/${basename(path)}`, contents }));
const named = (start, end) => files.find(({ name }) => name.startsWith(`assets/${start}-`) && name.endsWith(end)).name;
const page = readFileSync(join(here, "src/index.html"), "utf8")
  .replace("{style}", `/${named("page", ".css")}`)
  .replace("{icon}", `/${named("icon", ".svg")}`)
  .replace("{script}", `/${named("main", ".js")}`);
files.push({ name: "index.html", contents: Buffer.from(page) });
files.sort((one, other) => (one.name < other.name ? -1 : 1));

rmSync(out, { recursive: true, force: true });
mkdirSync(join(out, "assets"), { recursive: true });
const lines = files.map(({ name, contents }) => {
  const text = Buffer.from(contents);
  const brotli = { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: text.length } };
  writeFileSync(join(out, name), text);
  writeFileSync(join(out, `${name}.gz`), gzipSync(text, { level: 9 }));
  writeFileSync(join(out, `${name}.br`), brotliCompressSync(text, brotli));
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 32);
  const type = TYPES[name.split(".").pop()];
  return [name, type, hash, name === "index.html" ? "asked" : "kept"].join("\t");
});
writeFileSync(join(out, "files.txt"), `${lines.join("\n")}\n`);
