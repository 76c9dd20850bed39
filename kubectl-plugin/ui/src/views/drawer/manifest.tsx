// A resource as the cluster has it and as Git says, and where the two differ.

import { api } from "../../api/paths.ts";
import { get } from "../../api/request.ts";
import type { Diff } from "../../api/types.ts";
import { Show } from "../../parts/states.tsx";
import { Copy } from "../../parts/small.tsx";
import { bind, isSame, readKey } from "../../pure/key.ts";
import type { Resource } from "../../pure/resources.ts";
import { yaml } from "../../pure/yaml.ts";
import type { AppState } from "../../state/app.ts";
import { useLoad } from "../../state/load.ts";
import { place, set } from "../../state/router.ts";
import { T } from "../../texts.ts";
import { Changes } from "../changes.tsx";
import { Code } from "../code.tsx";

interface Body {
  apiVersion?: string;
  kind?: string;
  metadata?: { name?: string; namespace?: string };
}

export function Manifest({ app, one }: { app: AppState; one: Resource }) {
  const isDesired = place.value.query.get("side") === "desired";
  return (
    <>
      {one.node >= 0 && (
        <div class="switch words" role="group" aria-label={T.drawer.side}>
          <button type="button" aria-pressed={!isDesired} onClick={() => set({ side: null })}>
            {T.drawer.live}
          </button>
          <button type="button" aria-pressed={isDesired} onClick={() => set({ side: "desired" })}>
            {T.drawer.desired}
          </button>
        </div>
      )}
      {isDesired ? <Desired app={app} one={one} /> : <Live app={app} one={one} />}
    </>
  );
}

function Live({ app, one }: { app: AppState; one: Resource }) {
  const { group, kind, namespace, name } = one.key;
  const values = { ...app.where, group, kind, namespace, resourceName: name, version: one.version };
  const loaded = useLoad((signal) => get<{ manifest: string }>(api.app(app.id, "/resource"), values, signal), [one.sync, one.health], one.id);
  return (
    <Show of={loaded} verb="get" what={kind}>
      {({ manifest }) => <Shown body={JSON.parse(manifest)} label={T.drawer.live} />}
    </Show>
  );
}

function Desired({ app, one }: { app: AppState; one: Resource }) {
  const loaded = useLoad((signal) => get<{ manifests: string[] | null; namespace: string }>(api.app(app.id, "/manifests"), app.where, signal), [], one.id);
  return (
    <Show of={loaded} verb="get" what={one.key.kind}>
      {({ manifests, namespace }) => {
        const found = (manifests ?? []).map((text) => JSON.parse(text) as Body).find((body) => isSame(keyOf(body, namespace), one.key));
        return found ? <Shown body={found} label={T.drawer.desired} /> : <p class="faint">{T.drawer.noDesired}</p>;
      }}
    </Show>
  );
}

function keyOf({ apiVersion = "", kind = "", metadata = {} }: Body, destination: string) {
  const group = apiVersion.includes("/") ? (apiVersion.split("/")[0] as string) : "";
  return bind({ group, kind, namespace: metadata.namespace ?? ".", name: metadata.name ?? "" }, destination);
}

function Shown({ body, label }: { body: unknown; label: string }) {
  const text = yaml(body);
  return (
    <div class="manifest">
      <Copy text={text} />
      <Code text={text} label={label} />
    </div>
  );
}

/** Where the cluster differs from Git. */
export function DiffOf({ app, one }: { app: AppState; one: Resource }) {
  const loaded = useLoad((signal) => get<Diff>(api.ours(app.id, "/diff"), app.where, signal), [one.sync], "diff");
  return (
    <Show of={loaded} verb="get" what={one.key.kind}>
      {({ changes }) => {
        const found = changes.find((change) => isSame(readKey(change.resource), one.key));
        if (!found) return <p class="faint">{T.drawer.inSync}</p>;
        return found.change === "changed" ? <Changes fields={found.fields ?? []} /> : <p>{T.diff[found.change]}</p>;
      }}
    </Show>
  );
}
