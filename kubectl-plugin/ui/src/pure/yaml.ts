// JSON as YAML, for people to read. It is not read back.

const PLAIN = /^[A-Za-z_/$](?:[A-Za-z0-9_./$@%+-]|:(?=[^\s:]))*(?: [A-Za-z0-9_./$@%+-]+)*$/;
const WORDS = /^(true|false|null|yes|no|on|off|y|n|~)$/i;

export function yaml(value: unknown): string {
  const lines: string[] = [];
  write(value, "", "", lines);
  return lines.join("\n");
}

function write(value: unknown, first: string, indent: string, lines: string[]): void {
  if (Array.isArray(value) && value.length > 0) {
    if (first.trim() && !first.endsWith("- ")) lines.push(first.trimEnd());
    const head = first.endsWith("- ") ? first : indent;
    value.forEach((item, at) => write(item, `${at === 0 && first.endsWith("- ") ? head : indent}- `, `${indent}  `, lines));
    return;
  }
  if (isObject(value) && Object.keys(value).length > 0) {
    const isItem = first.endsWith("- ");
    if (first.trim() && !isItem) lines.push(first.trimEnd());
    Object.entries(value).forEach(([name, inner], at) => {
      const start = `${isItem && at === 0 ? first : indent}${scalar(name)}: `;
      write(inner, start, Array.isArray(inner) ? indent : `${indent}  `, lines);
    });
    return;
  }
  if (typeof value === "string" && value.includes("\n")) {
    const end = value.endsWith("\n") ? "" : "-";
    lines.push(`${first}|${end}`);
    for (const line of value.replace(/\n$/, "").split("\n")) lines.push(line ? `${indent || "  "}${line}` : "");
    return;
  }
  lines.push(`${first}${scalar(value)}`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function scalar(value: unknown): string {
  if (typeof value !== "string") return Array.isArray(value) ? "[]" : isObject(value) ? "{}" : String(value);
  return PLAIN.test(value) && !WORDS.test(value) ? value : JSON.stringify(value);
}

/** A value on one line. */
export function short(value: unknown): string {
  if (typeof value === "string") return value;
  return value === undefined ? "" : JSON.stringify(value);
}
