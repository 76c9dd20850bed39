// What Applications use: repositories, clusters, projects. Read only: they are objects, and kubectl changes them.

import { api } from "../api/paths.ts";
import { get } from "../api/request.ts";
import type { ConnectionState } from "../api/types.ts";
import { Ago, Word } from "../parts/small.tsx";
import { Empty, Show } from "../parts/states.tsx";
import { useLoad } from "../state/load.ts";
import { rows, version } from "../state/rows.ts";
import { T } from "../texts.ts";
import { useMemo } from "preact/hooks";

interface Items {
  items: (Cluster & Repository & Project)[] | null;
}
interface Cluster {
  server?: string;
  name?: string;
  connectionState?: ConnectionState;
  info?: { applicationsCount: number };
}
interface Repository {
  repo?: string;
  connectionState?: ConnectionState;
}
interface Project {
  metadata?: { name: string };
  spec?: { description?: string; sourceRepos?: string[]; destinations?: { namespace?: string; server?: string; name?: string }[] };
}

type Of = "repositories" | "clusters" | "projects";

const EMPTY: Record<Of, string> = { repositories: T.lists.repositoriesEmpty, clusters: T.lists.clustersEmpty, projects: T.lists.projectsEmpty };

export function Lists({ of }: { of: Of }) {
  const loaded = useLoad((signal) => get<Items>(api[of], {}, signal), [], of);
  return (
    <div class="page" tabIndex={0}>
      <h1>{T.nav[of]}</h1>
      <Show of={loaded} verb="list" what={of === "projects" ? "appprojects.argoproj.io" : "applications.argoproj.io"}>
        {({ items }) =>
          !items?.length ? (
            <Empty title={T.lists[of]}>{EMPTY[of]}</Empty>
          ) : (
            <div class="cards">
              {of === "repositories" && items.map((item) => <RepositoryCard key={item.repo} {...item} />)}
              {of === "clusters" && items.map((item) => <ClusterCard key={item.server || item.name} {...item} />)}
              {of === "projects" && items.map((item) => <ProjectCard key={item.metadata?.name} {...item} />)}
            </div>
          )
        }
      </Show>
    </div>
  );
}

function used(query: string, count: number) {
  return <a href={`/applications?${query}`}>{T.lists.show(count)}</a>;
}

/** How it answered last, and when; why not, where it did not. */
function Connection({ state }: { state: ConnectionState | undefined }) {
  const { status, message, attemptedAt } = state ?? { status: "Unknown" };
  return (
    <>
      <p class="connection" data-testid={`connection-${status}`}>
        <Word word={status} text={T.lists.connection[status] ?? status} />
        {attemptedAt && (
          <span class="faint">
            {T.lists.asked} <Ago time={attemptedAt} suffix />
          </span>
        )}
      </p>
      {message && <pre class="told" tabIndex={0}>{message}</pre>}
    </>
  );
}

function RepositoryCard({ repo = "", connectionState }: Repository) {
  const count = useMemo(() => [...rows.values()].filter((row) => row.repositories.includes(repo)).length, [version.value, repo]);
  return (
    <article class="card">
      <h2 class="break">{repo}</h2>
      <Connection state={connectionState} />
      <p class="faint">{T.lists.show(count)}</p>
    </article>
  );
}

function ClusterCard({ server, name, info, connectionState }: Cluster) {
  return (
    <article class="card">
      <h2 class="break">{name || server}</h2>
      {server && server !== name && <p class="faint break">{server}</p>}
      <Connection state={connectionState} />
      <p>{used(`cluster=${encodeURIComponent(server || name || "")}`, info?.applicationsCount ?? 0)}</p>
    </article>
  );
}

function ProjectCard({ metadata, spec }: Project) {
  const name = metadata?.name ?? "";
  const count = useMemo(() => [...rows.values()].filter((row) => row.project === name).length, [version.value, name]);
  const places = spec?.destinations?.map((it) => `${it.name ?? it.server ?? "*"} / ${it.namespace ?? "*"}`) ?? [];
  return (
    <article class="card">
      <h2>{name}</h2>
      {spec?.description && <p>{spec.description}</p>}
      <dl class="facts">
        <dt>{T.lists.sources}</dt>
        <dd class="break">{spec?.sourceRepos?.join(", ") || T.state.none}</dd>
        <dt>{T.lists.destinations}</dt>
        <dd class="break">{places.join(", ") || T.state.none}</dd>
      </dl>
      <p>{used(`project=${encodeURIComponent(name)}`, count)}</p>
    </article>
  );
}
