// The log of a Pod: streamed, of one container, searched, followed.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { api } from "../../api/paths.ts";
import { ApiError, address, get } from "../../api/request.ts";
import { follow } from "../../api/stream.ts";
import type { LogEntry } from "../../api/types.ts";
import { Failed } from "../../parts/states.tsx";
import { Icon } from "../../parts/icon.tsx";
import { Virtual } from "../../parts/virtual.tsx";
import { exact } from "../../pure/time.ts";
import type { Resource } from "../../pure/resources.ts";
import type { AppState } from "../../state/app.ts";
import { useLoad } from "../../state/load.ts";
import { T } from "../../texts.ts";

/** So many lines are kept. */
const MOST = 20_000;
const TAIL = 1000;

interface PodBody {
  spec?: { initContainers?: { name: string }[]; containers?: { name: string }[] };
}

export function Logs({ app, pods }: { app: AppState; pods: Resource[] }) {
  const [name, setName] = useState("");
  const pod = pods.find((one) => one.key.name === name) ?? pods[0];
  if (!pod) return <p class="faint">{T.drawer.noPods}</p>;
  return (
    <div class="logs">
      <div class="filters flat">
        {pods.length > 1 && (
          <label class="select">
            <span class="unseen">{T.drawer.pod}</span>
            <select value={pod.key.name} onChange={(event) => setName(event.currentTarget.value)}>
              {pods.map((one) => (
                <option key={one.id} value={one.key.name}>
                  {one.key.name}
                </option>
              ))}
            </select>
          </label>
        )}
      </div>
      <OfPod key={pod.id} app={app} pod={pod} />
    </div>
  );
}

function OfPod({ app, pod }: { app: AppState; pod: Resource }) {
  const { namespace, name } = pod.key;
  const body = useLoad(
    (signal) => get<{ manifest: string }>(api.app(app.id, "/resource"), { ...app.where, group: "", kind: "Pod", version: "v1", namespace, resourceName: name }, signal),
    [],
    pod.id,
  );
  const containers = useMemo(() => {
    const spec = body.value ? (JSON.parse(body.value.manifest) as PodBody).spec : undefined;
    return [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].map((one) => one.name);
  }, [body.value]);
  const [container, setContainer] = useState("");
  const [isBefore, setBefore] = useState(false);
  const [follows, setFollows] = useState(true);
  const [search, setSearch] = useState("");
  if (body.isLoading && !body.value) return null;
  const of = container || containers[0] || "";
  return (
    <>
      <div class="filters flat">
        {containers.length > 1 && (
          <label class="select">
            <span class="unseen">{T.drawer.container}</span>
            <select value={of} onChange={(event) => setContainer(event.currentTarget.value)} data-testid="container">
              {containers.map((one) => (
                <option key={one} value={one}>
                  {one}
                </option>
              ))}
            </select>
          </label>
        )}
        <label class="field">
          <Icon name="search" />
          <span class="unseen">{T.drawer.search}</span>
          <input type="search" placeholder={T.drawer.search} value={search} onInput={(event) => setSearch(event.currentTarget.value)} />
        </label>
        <label>
          <input type="checkbox" checked={follows} onChange={() => setFollows(!follows)} /> {T.drawer.follow}
        </label>
        <label>
          <input type="checkbox" checked={isBefore} onChange={() => setBefore(!isBefore)} /> {T.drawer.previous}
        </label>
      </div>
      <Lines key={`${of} ${isBefore}`} app={app} pod={pod} container={of} isBefore={isBefore} follows={follows} search={search} />
    </>
  );
}

interface LinesProps {
  app: AppState;
  pod: Resource;
  container: string;
  isBefore: boolean;
  follows: boolean;
  search: string;
}

function Lines({ app, pod, container, isBefore, follows, search }: LinesProps) {
  const kept = useRef<LogEntry[]>([]);
  const [count, setCount] = useState(0);
  const [error, setError] = useState<ApiError | null>(null);
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    let frame = 0;
    const values = { ...app.where, namespace: pod.key.namespace, container, tailLines: TAIL, follow: !isBefore, previous: isBefore };
    const stop = follow<{ result: LogEntry }>(address(api.app(app.id, `/pods/${encodeURIComponent(pod.key.name)}/logs`), values), {
      once: true,
      event: ({ result }) => {
        if (result.last) return;
        kept.current.push(result);
        if (kept.current.length > MOST) kept.current.splice(0, MOST / 4);
        frame ||= requestAnimationFrame(() => {
          frame = 0;
          setCount((before) => before + 1);
        });
      },
      lost: setError,
      refused: setError,
      ended: () => setOver(true),
    });
    return () => {
      stop();
      cancelAnimationFrame(frame);
    };
  }, []);
  const shown = useMemo(() => {
    const text = search.toLowerCase();
    return text ? kept.current.filter((line) => line.content.toLowerCase().includes(text)) : kept.current.slice();
  }, [count, search]);
  if (error && shown.length === 0) return <Failed error={error} verb="get" what="pods/log" />;
  return (
    <>
      <Virtual
        role="log"
        label={T.drawer.tabs.logs}
        count={shown.length}
        height={20}
        follows={follows}
        testid="log"
        row={(at) => {
          const line = shown[at] as LogEntry;
          return (
            <div class="log-line" key={at}>
              <time title={exact(line.timeStampStr)}>{line.timeStampStr.slice(11, 19)}</time>
              <code>{line.content}</code>
            </div>
          );
        }}
      />
      <p class="faint">
        {T.drawer.lines(shown.length)}
        {isOver && ` · ${T.drawer.ended}`}
      </p>
    </>
  );
}
