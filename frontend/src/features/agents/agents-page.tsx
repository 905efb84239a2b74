import { useQuery } from '@tanstack/react-query';
import { agentsQuery } from '@/api/queries';
import type { AgentView } from '@/api/types';
import { AsyncList } from '@/ui/async-list';
import { Page } from '@/ui/page';
import { StateBadge } from '@/ui/state-badge';
import { AUTONOMY, EFFECTS, type Level } from './autonomy';

function Agent({ agent }: { agent: AgentView }) {
  return (
    <li className="grid gap-x-4 gap-y-1 px-4 py-3 md:grid-cols-[14rem_16rem_minmax(0,1fr)]">
      <span className="font-semibold">{agent.agent}</span>
      <span>
        <span className="text-muted">autonomy </span>
        <code className="font-mono text-dense">{agent.autonomy}</code>
      </span>
      <span className="text-muted">
        {agent.team ? `team ${agent.team}` : ''}
        {agent.team && agent.roles?.length ? ' · ' : ''}
        {agent.roles?.length ? `roles ${agent.roles.join(', ')}` : ''}
      </span>
    </li>
  );
}

function Matrix({ used }: { used: ReadonlySet<string> }) {
  const levels = Object.entries(AUTONOMY) as [Level, (typeof AUTONOMY)[Level]][];
  return (
    <section
      aria-label="What each level of autonomy may do"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard.
      tabIndex={0}
      className="mt-4 overflow-x-auto rounded-lg border border-line bg-surface shadow-card"
    >
      <table className="w-full border-collapse text-dense">
        <caption className="px-4 py-2.5 text-left">
          <span className="font-semibold">The base rules</span>{' '}
          <span className="text-muted">
            A site may narrow them. The policies decide; this is their summary.
          </span>
        </caption>
        <thead>
          <tr className="border-y border-line">
            <th scope="col" className="px-4 py-2 text-left text-note font-medium text-muted">
              Autonomy
            </th>
            {EFFECTS.map((effect) => (
              <th
                key={effect}
                scope="col"
                className="px-3 py-2 text-left text-note font-medium text-muted"
              >
                {effect}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {levels.map(([level, row]) => (
            <tr key={level} className="border-t border-line">
              <th scope="row" className="px-4 py-2 text-left font-mono font-normal">
                <span className={used.has(level) ? 'font-semibold' : ''}>{level}</span>
              </th>
              {EFFECTS.map((effect) => (
                <td key={effect} className="px-3 py-2 whitespace-nowrap">
                  <StateBadge kind="verdict" value={row[effect]} />
                  {level === 'automate-destructive' && effect === 'data' ? (
                    <span className="ml-1 text-note text-muted">by two</span>
                  ) : null}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** The agents that may ask for tokens, and what their autonomy means. */
export function AgentsPage() {
  const query = useQuery(agentsQuery);
  const used = new Set(query.data?.map((agent) => agent.autonomy));
  return (
    <Page title="Agents" lead="Who may propose plans. An agent not listed here gets nothing.">
      <div className="rounded-lg border border-line bg-surface shadow-card">
        <AsyncList
          query={query}
          label="agents"
          rows={2}
          empty={<p>No agents. Add one to policies/agents.toml.</p>}
        >
          {(agents) => (
            <ul className="divide-y divide-line">
              {agents.map((agent) => (
                <Agent key={agent.agent} agent={agent} />
              ))}
            </ul>
          )}
        </AsyncList>
      </div>
      <Matrix used={used} />
    </Page>
  );
}
