// What happens to all Applications: those that need attention, then what was deployed lately.

import { useMemo } from "preact/hooks";
import { appPath } from "../api/paths.ts";
import { Failed, Skeleton } from "../parts/states.tsx";
import { Ago, Commit, Id, Word } from "../parts/small.tsx";
import { rank } from "../pure/words.ts";
import { restart, rows, state, version } from "../state/rows.ts";
import { T } from "../texts.ts";

const MOST = 100;

export function Activity() {
  const [trouble, latest] = useMemo(() => {
    const all = [...rows.values()];
    const isBad = (health: string) => health === "Degraded" || health === "Missing";
    const bad = all.filter((row) => isBad(row.health) || row.message || row.operation === "Failed" || row.operation === "Error");
    bad.sort((one, other) => rank(one.health) - rank(other.health));
    const done = all.filter((row) => row.deployedAt).sort((one, other) => ((one.deployedAt ?? "") < (other.deployedAt ?? "") ? 1 : -1));
    return [bad.slice(0, MOST), done.slice(0, MOST)];
  }, [version.value]);
  if (state.value.error) return <Failed error={state.value.error} verb="list" what="applications.argoproj.io" again={restart} />;
  if (state.value.is === "loading" && rows.size === 0) return <Skeleton />;
  return (
    <div class="page" tabIndex={0}>
      <h1>{T.nav.activity}</h1>
      <section>
        <h2>{T.activity.trouble}</h2>
        {trouble.length === 0 && <p class="faint">{T.activity.fine}</p>}
        <ul class="lines">
          {trouble.map((row) => (
            <li key={`${row.namespace}/${row.name}`}>
              <Word word={row.operation === "Failed" || row.operation === "Error" ? row.operation : row.health} />
              <a href={appPath(row, "activity")}>{row.name}</a>
              <span class="grow message">{row.message}</span>
            </li>
          ))}
        </ul>
      </section>
      <section>
        <h2>{T.activity.latest}</h2>
        {latest.length === 0 && <p class="faint">{T.activity.none}</p>}
        <ul class="lines">
          {latest.map((row) => (
            <li key={`${row.namespace}/${row.name}`}>
              <span class="when">
                <Ago time={row.deployedAt ?? ""} suffix />
              </span>
              <a href={appPath(row, "history")}>{row.name}</a>
              <span class="faint">
                {T.app.deployed} {row.release}
              </span>
              <Id id={row.graph} length={9} />
              <Commit revision={row.revision} />
            </li>
          ))}
        </ul>
      </section>
    </div>
  );
}
