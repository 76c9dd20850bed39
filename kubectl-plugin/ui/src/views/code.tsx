// YAML, to be read: line numbers, keys a little quieter than values. All of it is text.

const LINE = /^(\s*(?:- )*)((?:"(?:[^"\\]|\\.)*"|[^\s"#][^:]*?):)(\s.*)?$/;
/** More lines than this are not told apart. */
const MOST = 4000;

export function Code({ text, label }: { text: string; label: string }) {
  const lines = text.split("\n");
  return (
    <div class="code" role="region" aria-label={label} tabIndex={0}>
      <ol>
        {lines.slice(0, MOST).map((line, at) => (
          <li key={at}>
            <Line text={line} />
          </li>
        ))}
      </ol>
      {lines.length > MOST && <pre>{lines.slice(MOST).join("\n")}</pre>}
    </div>
  );
}

function Line({ text }: { text: string }) {
  const found = LINE.exec(text);
  if (!found) return <code>{text || "\u00a0"}</code>;
  const [, indent = "", key = "", rest = ""] = found;
  return (
    <code>
      {indent}
      <span class="key">{key}</span>
      {rest}
    </code>
  );
}
