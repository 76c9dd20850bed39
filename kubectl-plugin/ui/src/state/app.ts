// One Application, as long as its page is open: its object, its graph, what it owns, the sync that runs.

import { computed, effect, signal } from "@preact/signals";
import { api, type AppId } from "../api/paths.ts";
import { ApiError, address, get } from "../api/request.ts";
import { follow } from "../api/stream.ts";
import type { Application, GraphShown, History, Rights, RunEvent, Tree } from "../api/types.ts";
import { readGraph, type Graph } from "../pure/graph.ts";
import { nothing, take, type Progress } from "../pure/progress.ts";
import { clusterWide, together } from "../pure/resources.ts";
import { rowId, rows, state, version } from "./rows.ts";

/** Where changes are not told, they are asked for this often. */
const POLL = 5000;
/** Syncs that are over are told first, within this. */
const SETTLES = 600;

export class AppState {
  readonly id: AppId;
  readonly application = signal<Application | null>(null);
  readonly error = signal<ApiError | null>(null);
  /** Whether somebody holds all of it: of that the object tells only once something is held back. */
  readonly isHeld = signal(false);
  readonly rights = signal<Rights>({ patch: false, delete: false, logs: false });
  readonly graph = signal<Graph | null>(null);
  readonly graphError = signal<ApiError | null>(null);
  readonly tree = signal<Tree | null>(null);
  readonly progress = signal<Progress | null>(null);
  /** Whether it is known which syncs were over before. */
  readonly isOpen = signal(false);
  /** Whether the bar of the sync is put away. */
  readonly isQuiet = signal(true);
  readonly resources = computed(() => together(this.graph.value, this.application.value?.status?.resources ?? [], this.tree.value));
  readonly isRunning = computed(() => {
    const phase = this.application.value?.status?.operationState?.phase;
    return phase === "Running" || phase === "Terminating" || this.application.value?.operation !== undefined;
  });
  #shown: GraphShown | null = null;
  #graphOf = "";
  #readOf = "";
  #operation: string | null = null;
  #graphAsked = 0;
  #treeTimer = 0;
  #treeText = "";
  #stop: (() => void)[] = [];

  constructor(id: AppId) {
    this.id = id;
  }

  get where(): { appNamespace: string } {
    return { appNamespace: this.id.namespace };
  }

  start(): void {
    void this.load();
    void get<Rights>(api.ours(this.id, "/rights"), this.where).then(
      (rights) => (this.rights.value = rights),
      () => {},
    );
    this.#followRow();
    this.#followTree();
    this.#followProgress();
  }

  stop(): void {
    for (const stop of this.#stop) stop();
  }

  async load(): Promise<void> {
    try {
      const before = this.application.value;
      const application = await get<Application>(api.app(this.id), this.where);
      if (newer(before, application)) this.application.value = application;
      this.error.value = null;
    } catch (error) {
      this.error.value = error instanceof ApiError ? error : new ApiError(0, String(error));
      return;
    }
    // Whoever holds it asks for that as for a sync, and who releases it changes the object when that is done.
    const last = this.application.value?.status?.operationState;
    const operation = `${last?.finishedAt ?? ""} ${last?.message ?? ""}`;
    if (this.isHeld.value || operation !== this.#operation) void this.loadHold();
    this.#operation = operation;
    await this.loadGraph();
  }

  async loadHold(): Promise<void> {
    const history = await get<History>(api.ours(this.id, "/history"), this.where).catch(() => null);
    if (history) this.isHeld.value = history.holdAll;
  }

  async loadGraph(again = false): Promise<void> {
    const status = this.application.value?.status;
    const of = `${status?.gitops?.desired ?? ""} ${status?.sync?.revision ?? ""}`;
    if (of === this.#graphOf && this.#shown && !again) return;
    this.#graphOf = of;
    const asked = ++this.#graphAsked;
    try {
      const shown = await get<GraphShown>(api.ours(this.id, "/graph"), this.where);
      // Answers may overtake each other.
      if (asked !== this.#graphAsked) return;
      this.#shown = shown;
      const destination = this.application.value?.spec.destination?.namespace || "default";
      const wide = clusterWide(this.application.value?.status?.resources ?? []);
      // The same graph again is no reason to draw it again, unless another commit has its resources elsewhere.
      if (this.graph.value?.id !== this.#shown.graph || this.#readOf !== of) this.graph.value = readGraph(this.#shown, destination, wide);
      this.#readOf = of;
      this.graphError.value = null;
    } catch (error) {
      if (asked !== this.#graphAsked) return;
      this.graphError.value = error instanceof ApiError ? error : new ApiError(0, String(error));
    }
  }

  /** The list of Applications tells when this one changed; where it does not have this one, it is asked for now and then. */
  #followRow(): void {
    let seen = "";
    let waits = 0;
    this.#stop.push(
      effect(() => {
        version.value;
        const row = rows.get(rowId(this.id));
        if (!row || row.resourceVersion === seen) return;
        const isFirst = seen === "";
        seen = row.resourceVersion;
        if (isFirst && this.application.peek()?.metadata.resourceVersion === seen) return;
        // A sync changes it many times a second.
        waits ||= window.setTimeout(() => {
          waits = 0;
          void this.load();
          this.#loadTree();
        }, 120);
      }),
    );
    const timer = setInterval(() => {
      if (state.peek().is !== "loading" && !rows.has(rowId(this.id)) && !document.hidden) void this.load();
    }, POLL);
    this.#stop.push(() => clearInterval(timer));
  }

  /** The tree as it is now. Many changes are one. */
  #loadTree(): void {
    this.#treeTimer ||= window.setTimeout(() => {
      this.#treeTimer = 0;
      get<Tree>(api.app(this.id, "/resource-tree"), this.where).then(
        (tree) => this.#takeTree(tree),
        () => {},
      );
    }, 300);
  }

  /** The same tree again is no reason to draw it again: a stream that is begun again begins with it. */
  #takeTree(tree: Tree): void {
    const text = JSON.stringify(tree);
    if (text === this.#treeText) return;
    this.#treeText = text;
    this.tree.value = tree;
  }

  /** The stream says that the tree is another one; who may list what is owned, but not watch it, is told of that by the tree alone. */
  #followTree(): void {
    let poll = 0;
    this.#loadTree();
    const stop = follow<{ result: Tree }>(address(api.tree(this.id), this.where), {
      event: ({ result }) => {
        if (result.nodes.some((node) => node.parentRefs?.length)) this.#takeTree(result);
        else this.#loadTree();
      },
      refused: (error) => {
        if (error.status === 401 || error.status === 501) return;
        poll = window.setInterval(() => !document.hidden && this.#loadTree(), POLL);
      },
    });
    this.#stop.push(stop, () => clearInterval(poll), () => clearTimeout(this.#treeTimer));
  }

  /** Follows syncs, those that run and those that come. What was over before is known, but not shown. */
  #followProgress(): void {
    let now: Progress = nothing();
    let [frame, settling] = [0, 0];
    const shown = () => {
      this.isQuiet.value = false;
      // What is synced may have resources that nobody has seen yet.
      void this.loadGraph(true);
    };
    const settle = () => {
      settling = 0;
      this.isOpen.value = true;
      if (now.graph !== "" && now.outcome === null) shown();
      else this.isQuiet.value = true;
    };
    const stop = follow<RunEvent | { result: RunEvent }>(address(api.progress(this.id), this.where), {
      refused: settle,
      open: () => {
        clearTimeout(settling);
        settling = window.setTimeout(settle, SETTLES);
      },
      event: (told) => {
        const event = "result" in told ? told.result : told;
        now = take(now, event);
        if (event.event === "runStarted" && !settling) shown();
        frame ||= requestAnimationFrame(() => {
          frame = 0;
          this.progress.value = now;
        });
      },
    });
    this.#stop.push(stop, () => clearTimeout(settling));
  }
}

/** Whether an object is newer than another: answers may overtake each other. */
function newer(before: Application | null, after: Application): boolean {
  const version = (application: Application | null) => Number(application?.metadata.resourceVersion ?? 0);
  return before === null || Number.isNaN(version(after)) || version(after) >= version(before);
}
