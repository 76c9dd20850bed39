// The Application object, to be read.

import { Copy, Ago, Id } from "../../parts/small.tsx";
import type { Source } from "../../api/types.ts";
import { yaml } from "../../pure/yaml.ts";
import type { AppState } from "../../state/app.ts";
import { T } from "../../texts.ts";
import { Code } from "../code.tsx";

export function SettingsTab({ app }: { app: AppState }) {
  const application = app.application.value;
  if (!application) return null;
  const { spec, metadata, status } = application;
  const sources = spec.sources?.length ? spec.sources : spec.source ? [spec.source] : [];
  const shown = { apiVersion: application.apiVersion, kind: application.kind, metadata: { name: metadata.name, namespace: metadata.namespace, labels: metadata.labels, annotations: metadata.annotations }, spec };
  const text = yaml(JSON.parse(JSON.stringify(shown)));
  return (
    <div class="page scroll" tabIndex={0}>
      {sources.map((source, at) => (
        <SourceFacts key={at} source={source} />
      ))}
      <dl class="facts">
        <dt>{T.settings.destination}</dt>
        <dd class="break">
          {spec.destination?.name || spec.destination?.server} {spec.destination?.namespace}
        </dd>
        <dt>{T.settings.compared}</dt>
        <dd>
          <Ago time={status?.reconciledAt ?? ""} suffix />
        </dd>
        <dt>{T.settings.created}</dt>
        <dd>
          <Ago time={metadata.creationTimestamp ?? ""} suffix />
        </dd>
        {status?.gitops?.target && (
          <>
            <dt>{T.settings.target}</dt>
            <dd>
              <Id id={status.gitops.target} />
            </dd>
          </>
        )}
      </dl>
      <section>
        <h2>
          {T.settings.spec} <Copy text={text} />
        </h2>
        <p class="faint">{T.settings.from}</p>
        <Code text={text} label={T.settings.spec} />
      </section>
    </div>
  );
}

function SourceFacts({ source }: { source: Source }) {
  return (
    <dl class="facts">
      <dt>{T.settings.repository}</dt>
      <dd class="break">{source.repoURL}</dd>
      <dt>{source.chart ? T.settings.chart : T.settings.path}</dt>
      <dd class="break">{source.chart ?? source.path ?? "."}</dd>
      <dt>{T.settings.revision}</dt>
      <dd>{source.targetRevision || "HEAD"}</dd>
    </dl>
  );
}
