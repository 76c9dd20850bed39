// What the API says, as far as it is read here. The whole of it is in schemas/openapi.json.

export interface Row {
  namespace: string;
  name: string;
  project: string;
  sync: string;
  health: string;
  /** How many of its resources are not as Git says. */
  outOfSync?: number;
  revision: string;
  /** Of the commit. */
  subject?: string;
  release: number | null;
  graph: string;
  operation: string | null;
  message: string;
  repositories: string[];
  cluster: string;
  destination: string;
  resourceVersion: string;
  deployedAt?: string;
  held?: boolean;
}

export interface Rows {
  applications: Row[];
  total: number;
  continue: string;
  sync: Record<string, number>;
  health: Record<string, number>;
  at: string;
}

export interface RowEvent {
  type: "ADDED" | "MODIFIED" | "DELETED";
  application: Row;
}

export interface Rights {
  patch: boolean;
  delete: boolean;
  logs: boolean;
}

export interface UserInfo {
  loggedIn?: boolean;
  username?: string;
  groups?: string[];
}

export interface Settings {
  /** Whether this is somebody's own, over their kubeconfig. */
  isLocal?: boolean;
  /** Who signs people in, where somebody does. */
  oidcConfig?: { name: string };
}

/** How something that is connected to answered last. */
export interface ConnectionState {
  status: "Successful" | "Failed" | "Unknown";
  message?: string;
  attemptedAt?: string;
}

export interface Health {
  status?: string;
  message?: string;
  lastTransitionTime?: string;
}

export interface ResourceState {
  group?: string;
  version: string;
  kind: string;
  namespace?: string;
  name: string;
  status: string;
  health?: Health;
  hook?: boolean;
  requiresPruning?: boolean;
}

export interface OperationState {
  phase: string;
  message?: string;
  startedAt: string;
  finishedAt?: string;
  operation?: { initiatedBy?: { username?: string; automated?: boolean }; sync?: { revision?: string } };
  syncResult?: { revision: string; resources?: ResourceResult[] };
}

export interface ResourceResult {
  group: string;
  kind: string;
  namespace: string;
  name: string;
  status?: string;
  message?: string;
  hookPhase?: string;
}

export interface Condition {
  type: string;
  message: string;
  lastTransitionTime?: string;
}

export interface Source {
  repoURL?: string;
  path?: string;
  chart?: string;
  targetRevision?: string;
}

export interface Application {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace: string;
    creationTimestamp?: string;
    deletionTimestamp?: string;
    annotations?: Record<string, string>;
    labels?: Record<string, string>;
    [more: string]: unknown;
  };
  spec: {
    project?: string;
    source?: Source;
    sources?: Source[];
    destination?: { server?: string; name?: string; namespace?: string };
    syncPolicy?: { automated?: { prune?: boolean; selfHeal?: boolean; enabled?: boolean } };
    [more: string]: unknown;
  };
  status?: {
    sync?: { status?: string; revision?: string; revisions?: string[] };
    health?: Health;
    resources?: ResourceState[];
    conditions?: Condition[];
    operationState?: OperationState;
    reconciledAt?: string;
    history?: { id: number; revision?: string; deployedAt: string; initiatedBy?: { username?: string } }[];
    gitops?: { desired?: string; live?: string; release?: number; target?: string; subject?: string };
    summary?: { images?: string[] };
  };
  operation?: unknown;
}

export interface EdgeShown {
  from: string;
  to: string;
  state: "present" | "ready" | "absent";
  strength: "soft" | "hard";
  rule: string;
  reason: string;
  field: string;
}

export interface GraphShown {
  graph: string;
  contentRoot: string;
  resources: {
    resource: string;
    id: string;
    hook: string[] | null;
    origin: { path: string; line: number } | null;
  }[];
  edges: EdgeShown[];
}

export interface Reference {
  group?: string;
  version?: string;
  kind: string;
  namespace?: string;
  name: string;
  uid?: string;
}

export interface TreeNode extends Reference {
  parentRefs?: Reference[];
  images?: string[];
  health?: Health;
  createdAt?: string;
}

export interface Tree {
  nodes: TreeNode[];
}

export interface FieldChange {
  path: string;
  old?: unknown;
  new?: unknown;
  by?: { manager: string; subresource?: string; time?: string } | null;
}

export interface ResourceDiff {
  resource: string;
  change: "added" | "removed" | "changed";
  fields?: FieldChange[];
}

export interface Diff {
  from: string | null;
  to: string | null;
  changes: ResourceDiff[];
}

export interface PlanWait {
  resource: string;
  state: "present" | "ready" | "absent";
  reason: string;
  behind: { barrier: string; steps: number } | null;
}

export interface PlanStep {
  resource: string;
  action: "create" | "update" | "delete" | "hook";
  cause: string;
  layer: number;
  phase?: string | null;
  changes: FieldChange[];
  recreatedFor?: string | null;
  waitsFor: PlanWait[];
}

export interface Plan {
  application: string;
  from: string | null;
  to: string;
  steps: PlanStep[];
  unchanged: number;
  forgotten: { resource: string; reason: string }[];
  kept: string[];
  /** What no rollback brings back. */
  losses: { resource: string; reason: string }[];
  guards: string[];
  /** Why it would not run at all. */
  refusals?: string[];
}

export interface Release {
  release: number;
  live: boolean;
  held: boolean;
  parent: number | null;
  graph: string;
  contentRoot: string;
  time: string;
  actor: string;
  commit: { oid: string; subject: string; dirty: boolean } | null;
  rollbackTo: number | null;
  partial: boolean;
  created: number;
  changed: number;
  deleted: number;
  outcome: "succeeded" | "failed" | "interrupted";
  message: string | null;
}

export interface History {
  application: string;
  releases: Release[];
  holdAll: boolean;
}

export interface EventStep {
  resource: string;
  action: "create" | "update" | "delete" | "hook";
  phase?: string | null;
}

export type RunEvent = { time: string } & (
  | { event: "runStarted"; application: string; graph: string; steps: number }
  | { event: "stepBlocked"; step: EventStep; waitsFor: PlanWait[] }
  | { event: "stepStarted"; step: EventStep }
  | { event: "stepAccepted"; step: EventStep }
  | { event: "stepWaiting"; step: EventStep; object: string; reason: string; seconds: number }
  | { event: "stepDone"; step: EventStep; outcome: string; message: string | null; seconds: number | null }
  | { event: "runDone"; outcome: "unchanged" | "succeeded" | "failed" | "interrupted"; release: number; seconds: number }
  | { event: "note" | "warning"; message: string }
  | { event: "finding"; message: string }
  | { event: "error"; message: string; details: string[] }
);

export interface KubeEvent {
  type?: string;
  reason?: string;
  message?: string;
  count?: number;
  lastTimestamp?: string | null;
  eventTime?: string | null;
  firstTimestamp?: string | null;
  metadata?: { uid?: string; creationTimestamp?: string };
  involvedObject?: { kind?: string; name?: string; namespace?: string };
  source?: { component?: string };
  reportingComponent?: string;
}

export interface LogEntry {
  content: string;
  timeStampStr: string;
  last: boolean;
  podName: string;
}
