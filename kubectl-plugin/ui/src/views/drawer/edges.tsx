// What a resource waits for and what waits for it, each with its reason.

import type { Graph } from "../../pure/graph.ts";
import { readKey, spoken } from "../../pure/key.ts";
import type { Step } from "../../pure/progress.ts";
import { mainWord, type Resource } from "../../pure/resources.ts";
import { Word } from "../../parts/small.tsx";
import type { AppState } from "../../state/app.ts";
import { set } from "../../state/router.ts";
import { T } from "../../texts.ts";

const MOST = 300;

export function Edges({ app, one }: { app: AppState; one: Resource }) {
  const graph = app.graph.value;
  if (!graph || one.node < 0) return <p class="faint">{T.drawer.noEdges}</p>;
  const [needs, neededBy] = [graph.needs[one.node] ?? [], graph.neededBy[one.node] ?? []];
  if (needs.length + neededBy.length === 0) return <p class="faint">{T.drawer.noEdges}</p>;
  return (
    <>
      <Side title={T.graph.waitsFor} app={app} graph={graph} edges={needs} end="to" />
      <Side title={T.graph.neededBy} app={app} graph={graph} edges={neededBy} end="from" />
    </>
  );
}

function Side({ title, app, graph, edges, end }: { title: string; app: AppState; graph: Graph; edges: number[]; end: "from" | "to" }) {
  if (edges.length === 0) return null;
  return (
    <section>
      <h3>
        {title} <span class="count">{edges.length}</span>
      </h3>
      <ul class="edges">
        {edges.slice(0, MOST).map((at) => {
          const edge = graph.edges[at];
          const node = edge && graph.nodes[edge[end]];
          if (!edge || !node) return null;
          const resource = app.resources.value.byId.get(node.id);
          return (
            <li key={at}>
              {node.key ? (
                <button type="button" class="link" onClick={() => set({ node: node.id }, false)}>
                  {spoken({ ...node.key, namespace: "" })}
                </button>
              ) : (
                <b>{node.id.slice(1)}</b>
              )}
              {resource && <Word word={mainWord(resource)} quiet />}
              <span class="faint">
                {T.graph[edge.about.state]}: {edge.about.reason}
                {edge.about.field && <code> {edge.about.field}</code>}
              </span>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

/** The step of a sync that runs, and what blocks it. */
export function Waiting({ step }: { step: Step }) {
  return (
    <section class="banner busy">
      <b>{T.progress.states[step.state]}</b>
      {step.reason && <pre>{step.reason}</pre>}
      {step.state === "waiting" &&
        step.waitsFor.map((wait) => (
          <p key={wait.resource}>
            <button type="button" class="link" onClick={() => set({ node: wait.resource }, false)}>
              {T.progress.waitsFor(spoken(readKey(wait.resource)))}
            </button>{" "}
            <span class="faint">{wait.reason}</span>
          </p>
        ))}
    </section>
  );
}
