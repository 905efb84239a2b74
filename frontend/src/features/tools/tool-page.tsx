import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { toolsQuery } from '@/api/queries';
import type { ToolView } from '@/api/types';
import { AsyncOne } from '@/ui/async-list';
import { Card, Fact, Facts } from '@/ui/card';
import { EffectTag } from '@/ui/effect-tag';
import { JsonBlock } from '@/ui/json-view';
import { Digest, Mono } from '@/ui/mono';
import { Page } from '@/ui/page';
import { parametersOf, resourceText } from './tools';

function Parameters({ tool }: { tool: ToolView }) {
  const parameters = parametersOf(tool.params);
  if (parameters.length === 0) return <span className="text-muted">none</span>;
  return (
    <ul className="space-y-1.5">
      {parameters.map((parameter) => (
        <li key={parameter.name}>
          <Mono>{parameter.name}</Mono>{' '}
          <span className="text-muted">
            {parameter.kind}
            {parameter.required ? '' : ', optional'}
            {parameter.limits ? `, ${parameter.limits}` : ''}
          </span>
        </li>
      ))}
    </ul>
  );
}

function Tool({ tool }: { tool: ToolView }) {
  const resource = resourceText(tool.resource);
  return (
    <Card title="Definition">
      <Facts>
        <Fact name="Does">{tool.description}</Fact>
        <Fact name="Effect">
          <EffectTag effect={tool.effect} />
        </Fact>
        <Fact name="Upstream">{tool.upstream ?? 'unknown'}</Fact>
        {resource ? <Fact name="Acts on">{resource}</Fact> : null}
        <Fact name="Parameters">
          <Parameters tool={tool} />
          <p className="mt-1 text-note text-muted">Others are refused: the schema is closed.</p>
        </Fact>
        {tool.request ? (
          <Fact name="Becomes">
            <JsonBlock value={tool.request} label={`Request of ${tool.name}`} />
          </Fact>
        ) : null}
        {tool.check ? (
          <Fact name="Checked by">
            <JsonBlock value={tool.check} label={`Check of ${tool.name}`} />
          </Fact>
        ) : null}
        {tool.undo ? (
          <Fact name="Undone by">
            <JsonBlock value={tool.undo} label={`Undo of ${tool.name}`} />
          </Fact>
        ) : null}
        {tool.timeout || tool.cooldown ? (
          <Fact name="Limits">
            {tool.timeout ? <span className="mr-4">answers within {tool.timeout}</span> : null}
            {tool.cooldown ? <span>rests {tool.cooldown} per resource</span> : null}
          </Fact>
        ) : null}
        {tool.untrusted_output ? (
          <Fact name="Answers">
            may carry text of unknown authors; plans made after them are tainted
          </Fact>
        ) : null}
        {tool.definition_sha256 ? (
          <Fact name="Definition hash">
            <Digest value={tool.definition_sha256} label="definition hash" length={24} />
          </Fact>
        ) : null}
        <Fact name="Schema">
          <details>
            <summary className="py-0.5 text-accent">show the JSON Schema</summary>
            <div className="mt-2">
              <JsonBlock value={tool.params} label={`Schema of ${tool.name}`} />
            </div>
          </details>
        </Fact>
      </Facts>
    </Card>
  );
}

/** One tool. */
export function ToolPage({ name }: { name: string }) {
  const query = useQuery({
    ...toolsQuery,
    select: (tools): ToolView | null => tools.find((tool) => tool.name === name) ?? null,
  });
  return (
    <Page
      title={name}
      lead={
        <Link to="/tools" className="text-accent underline underline-offset-2">
          All tools
        </Link>
      }
    >
      <AsyncOne query={query} label="the tool">
        {(tool) =>
          tool ? (
            <Tool tool={tool} />
          ) : (
            <p className="rounded-lg border border-line bg-surface px-4 py-8 text-center text-muted">
              There is no such tool in the catalogue.
            </p>
          )
        }
      </AsyncOne>
    </Page>
  );
}
