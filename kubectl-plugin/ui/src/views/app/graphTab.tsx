// The graph of an Application: filters, the drawing, and the same as a list.

import { useMemo, useState } from "preact/hooks";
import { Icon } from "../../parts/icon.tsx";
import { Empty, Failed, Skeleton } from "../../parts/states.tsx";
import { Button, Word } from "../../parts/small.tsx";
import type { Graph, GraphNode } from "../../pure/graph.ts";
import { spoken } from "../../pure/key.ts";
import { lay, type Box } from "../../pure/layout.ts";
import { critical, type Progress } from "../../pure/progress.ts";
import { isCalm, mainWord, type Resource, type Resources } from "../../pure/resources.ts";
import { look, worst, type Look } from "../../pure/words.ts";
import type { AppState } from "../../state/app.ts";
import { place, set } from "../../state/router.ts";
import { T, word } from "../../texts.ts";
import type { Face, Scene } from "./canvas.ts";
import { GraphView, around } from "./graphView.tsx";

/** Above so many, those of one kind in one layer are folded. */
const FOLDS_ABOVE = 150;

const STEP_LOOKS: Record<string, Look> = {
  waiting: { tone: "idle", shape: "dot" },
  applying: { tone: "busy", shape: "ring" },
  checking: { tone: "busy", shape: "ring" },
  done: { tone: "good", shape: "check" },
  failed: { tone: "bad", shape: "alert" },
  skipped: { tone: "idle", shape: "absent" },
};

export function GraphTab({ app }: { app: AppState }) {
  const graph = app.graph.value;
  const isList = place.value.query.get("as") === "list";
  const error = app.graphError.value;
  if (!graph) return error ? <Failed error={error} verb="get" what="applications.argoproj.io" again={() => void app.loadGraph(true)} /> : <Skeleton />;
  if (graph.nodes.length === 0) return <Empty title={T.graph.empty}>{T.graph.emptyWhat}</Empty>;
  return <Drawn app={app} graph={graph} isList={isList} />;
}

function Drawn({ app, graph, isList }: { app: AppState; graph: Graph; isList: boolean }) {
  const { query } = place.value;
  const [search, kind, state] = [query.get("search") ?? "", query.get("kind") ?? "", query.get("state") ?? ""];
  const node = query.get("node") ?? "";
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const isUnfolded = query.get("unfold") === "true";
  const resources = app.resources.value;
  const progress = app.progress.value;
  const kinds = useMemo(() => [...new Set(graph.nodes.flatMap((one) => (one.key ? [one.key.kind] : [])))].sort(), [graph]);
  const trouble = useMemo(() => {
    const found = new Set<number>();
    graph.nodes.forEach((one, at) => {
      const resource = resources.byId.get(one.id);
      if (resource && !isCalm(resource)) found.add(at);
    });
    return found;
  }, [graph, resources]);
  // A layout that changes with each state would make the drawing jump: only which are in trouble counts.
  const troubleId = [...trouble].join();
  const isSyncing = progress !== null && progress.outcome === null;
  const layout = useMemo(() => {
    const text = search.toLowerCase();
    const isShown = (at: number) => {
      const one = graph.nodes[at] as GraphNode;
      if (!text && !kind && !state) return true;
      if (!one.key) return false;
      if (text && !spoken(one.key).toLowerCase().includes(text)) return false;
      if (kind && one.key.kind !== kind) return false;
      if (state === "trouble") return trouble.has(at);
      return true;
    };
    const count = graph.nodes.reduce((sum, _, at) => sum + Number(isShown(at)), 0);
    const folds = count > FOLDS_ABOVE && !isUnfolded;
    return lay(graph, { isShown, mayFold: (at) => folds && !trouble.has(at) && graph.nodes[at]?.id !== node, open });
  }, [graph, search, kind, state, isUnfolded, open, troubleId, state === "trouble" ? resources : 0, node.length > 0 && isFolded(graph, node)]);
  const chosen = useMemo(() => layout.boxes.findIndex((box) => box.members.some((at) => graph.nodes[at]?.id === node)), [layout, node]);
  const scene = useMemo(
    (): Scene => ({
      layout,
      faces: layout.boxes.map((box) => face(graph, box, resources, isSyncing ? progress : null)),
      chosen: node ? chosen : -1,
      hovered: -1,
      cursor: -1,
      hoveredLine: -1,
      near: node && chosen >= 0 ? around({ layout }, chosen) : new Set(),
      critical: isSyncing ? criticalLines(graph, layout, progress) : new Set(),
    }),
    [layout, resources, progress, chosen, node],
  );
  const isFolding = layout.boxes.some((box) => box.members.length > 1);
  const choose = (at: number) => {
    const box = layout.boxes[at] as Box;
    if (box.members.length > 1) setOpen(new Set([...open, box.id]));
    else if (graph.nodes[box.members[0] as number]?.key) set({ node: (graph.nodes[box.members[0] as number] as GraphNode).id }, false);
  };
  return (
    <div class="graph-tab">
      <div class="filters">
        <label class="field">
          <Icon name="search" />
          <span class="unseen">{T.graph.filter}</span>
          <input type="search" placeholder={T.graph.filter} value={search} onInput={(event) => set({ search: event.currentTarget.value })} data-testid="graph-filter" />
        </label>
        <label class="select">
          <span class="unseen">{T.graph.kinds}</span>
          <select value={kind} onChange={(event) => set({ kind: event.currentTarget.value })}>
            <option value="">{T.graph.allKinds}</option>
            {kinds.map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </select>
        </label>
        <button type="button" class="chip" aria-pressed={state === "trouble"} onClick={() => set({ state: state ? null : "trouble" })}>
          <b>{trouble.size}</b>
          <span>{T.graph.trouble}</span>
        </button>
        {(isFolding || isUnfolded || open.size > 0) && (
          <button
            type="button"
            class="chip"
            aria-pressed={isUnfolded}
            onClick={() => {
              setOpen(new Set());
              set({ unfold: isUnfolded || open.size > 0 ? null : "true" });
            }}
            data-testid="unfold"
          >
            <Icon name="fold" size={12} />
            <span>{isUnfolded || open.size > 0 ? T.graph.fold : T.graph.unfold}</span>
          </button>
        )}
        <span class="grow" />
        <Button kind="quiet" icon={isList ? "graph" : "list"} onClick={() => set({ as: isList ? null : "list" })} testid="as-list">
          {isList ? T.graph.drawing : T.graph.list}
        </Button>
      </div>
      {layout.boxes.length === 0 ? (
        <p class="faint pad">{T.graph.nothing}</p>
      ) : isList ? (
        <Layers graph={graph} boxes={layout.boxes} resources={resources} onChoose={choose} />
      ) : (
        <GraphView
          scene={scene}
          of={`${graph.id} ${search} ${kind} ${state} ${isUnfolded}`}
          label={T.graph.label(graph.nodes.length)}
          say={(at) => say(scene.faces[at] as Face)}
          why={(at) => why(graph, layout.lines[at]?.edges ?? [])}
          onChoose={choose}
          onClear={() => node && set({ node: null }, false)}
        />
      )}
    </div>
  );
}

/** Whether a node would be in a fold: then choosing it lays the graph out again. */
function isFolded(graph: Graph, node: string): string {
  return graph.nodes.length > FOLDS_ABOVE ? node : "";
}

function face(graph: Graph, box: Box, resources: Resources, progress: Progress | null): Face {
  const members = box.members.map((at) => graph.nodes[at] as GraphNode);
  const first = members[0] as GraphNode;
  if (!first.key) {
    const title = first.id.slice(1);
    return { title, kind: T.graph.barrier, note: "", tone: "idle", shape: "dot", count: 0, isFold: false, isBarrier: true };
  }
  const found = members.map((one) => resources.byId.get(one.id)).filter((one): one is Resource => one !== undefined);
  const isFold = members.length > 1;
  const health = worst(found.map(mainWord));
  const step = isFold ? undefined : progress?.steps.get(first.id);
  const { tone, shape } = step ? (STEP_LOOKS[step.state] as Look) : look(health || "Unknown");
  const note = step ? stepNote(step) : isFold || health === "Healthy" || health === "Synced" || !health ? "" : word(health);
  return {
    title: isFold ? T.graph.folded(first.key.kind, members.length) : first.key.name,
    kind: isFold ? T.graph.layer(first.layer + 1) : first.key.kind,
    note,
    tone,
    shape,
    count: isFold ? 0 : (found[0]?.owned ?? 0),
    isFold,
    isBarrier: false,
  };
}

function stepNote(step: { state: string; reason: string; waitsFor: { resource: string }[] }): string {
  const first = step.waitsFor[0];
  if (step.state === "waiting" && first) return T.progress.waitsFor(first.resource.split("/").slice(1).filter(Boolean).at(-1) ?? "");
  return step.reason || (T.progress.states[step.state] ?? "");
}

function say({ title, kind, note, count }: Face): string {
  return [kind, title, note, count > 0 ? T.graph.owned(count) : ""].filter(Boolean).join(", ");
}

/** Why there is a line: the reasons of its edges. */
function why(graph: Graph, edges: number[]): string {
  const texts = edges.slice(0, 3).map((at) => {
    const about = graph.edges[at]?.about;
    return about ? `${about.from} ${T.progress.waitsFor(about.to)} (${T.graph[about.state]}): ${about.reason}${about.field ? `, ${about.field}` : ""}` : "";
  });
  return edges.length > 3 ? `${texts.join("\n")}\n… ${edges.length - 3}` : texts.join("\n");
}

function criticalLines(graph: Graph, layout: ReturnType<typeof lay>, progress: Progress): Set<number> {
  const path = critical(progress);
  const numbers = new Map(graph.nodes.map((one, at) => [one.id, layout.boxOf[at] as number]));
  const pairs = new Set<string>();
  path.forEach((id, at) => at > 0 && pairs.add(`${numbers.get(id)} ${numbers.get(path[at - 1] as string)}`));
  const found = new Set<number>();
  layout.lines.forEach(({ from, to }, at) => pairs.has(`${from} ${to}`) && found.add(at));
  return found;
}

/** The same as a list: layers in order, each with what is in it. */
function Layers({ graph, boxes, resources, onChoose }: { graph: Graph; boxes: Box[]; resources: Resources; onChoose: (box: number) => void }) {
  const layers = new Map<number, number[]>();
  boxes.forEach((box, at) => {
    const layer = graph.nodes[box.members[0] as number]?.layer ?? 0;
    layers.set(layer, [...(layers.get(layer) ?? []), at]);
  });
  return (
    <ol class="layers scroll" tabIndex={0} aria-label={T.app.tabs.graph} data-testid="layers">
      {[...layers]
        .sort(([one], [other]) => one - other)
        .map(([layer, members]) => (
          <li key={layer}>
            <h2>{T.graph.layer(layer + 1)}</h2>
            <ul>
              {members.slice(0, 400).map((at) => {
                const box = boxes[at] as Box;
                const { title, kind } = face(graph, box, resources, null);
                const resource = resources.byId.get((graph.nodes[box.members[0] as number] as GraphNode).id);
                return (
                  <li key={box.id}>
                    <button type="button" onClick={() => onChoose(at)}>
                      {resource && box.members.length === 1 && <Word word={mainWord(resource)} quiet />}
                      <span class="faint">{kind}</span> <span>{title}</span>
                    </button>
                  </li>
                );
              })}
            </ul>
          </li>
        ))}
    </ol>
  );
}
