import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { toolsQuery } from '@/api/queries';
import type { ToolView } from '@/api/types';
import { AsyncList } from '@/ui/async-list';
import { EffectTag } from '@/ui/effect-tag';
import { Page } from '@/ui/page';
import { byNamespace } from './tools';

function Row({ tool }: { tool: ToolView }) {
  return (
    <li className="relative grid items-center gap-x-4 gap-y-1 px-4 py-2.5 hover:bg-sunken md:grid-cols-[14rem_minmax(0,1fr)_7rem_6rem]">
      <Link
        to="/tools/$name"
        params={{ name: tool.name }}
        className="font-mono text-dense font-medium after:absolute after:inset-0"
      >
        {tool.name}
      </Link>
      <span className="text-muted">{tool.description}</span>
      <span>
        <EffectTag effect={tool.effect} />
      </span>
      <span className="text-note text-muted">{tool.upstream ?? ''}</span>
    </li>
  );
}

/** The catalogue: every tool that may ever be called. */
export function ToolsPage() {
  const query = useQuery(toolsQuery);
  return (
    <Page title="Tools" lead="The whole catalogue. What is not in it cannot be called.">
      <div className="overflow-hidden rounded-lg border border-line bg-surface shadow-card">
        <AsyncList query={query} label="tools" rows={8} empty={<p>The catalogue is empty.</p>}>
          {(tools) =>
            byNamespace(tools).map(([namespace, group]) => (
              <section key={namespace} aria-label={namespace}>
                <h2 className="border-b border-line bg-sunken px-4 py-1.5 text-note font-medium text-muted">
                  {namespace}
                </h2>
                <ul className="divide-y divide-line border-b border-line">
                  {group.map((tool) => (
                    <Row key={tool.name} tool={tool} />
                  ))}
                </ul>
              </section>
            ))
          }
        </AsyncList>
      </div>
    </Page>
  );
}
