import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { callsQuery, refusalsQuery } from '@/api/queries';
import type { CallView } from '@/api/types';
import { resourceId } from '@/lib/resource';
import { stateLook } from '@/lib/states';
import { formatDuration } from '@/lib/time';
import { AsyncList } from '@/ui/async-list';
import { Page } from '@/ui/page';
import { Escaped } from '@/ui/quote';
import { RefusalList } from '@/ui/refusal-list';
import { StateBadge } from '@/ui/state-badge';
import { TabLinks } from '@/ui/tab-links';
import { Time } from '@/ui/time';
import { CALL_CLASSES, type CallClass, sortCalls } from './classes';

type Show = CallClass | 'all';

function Took({ call }: { call: CallView }) {
  if (!call.consumed_at || !call.ended_at) return null;
  return <> · {formatDuration(Date.parse(call.ended_at) - Date.parse(call.consumed_at))}</>;
}

function Row({ call }: { call: CallView }) {
  return (
    <li className="relative grid gap-x-4 gap-y-1 px-4 py-2.5 hover:bg-sunken md:grid-cols-[8rem_minmax(0,1fr)_9rem_17rem]">
      <div>
        <StateBadge kind="call" value={call.state} />
      </div>
      <div className="min-w-0">
        <Link
          to="/calls/$attempt"
          params={{ attempt: call.attempt }}
          className="font-mono text-dense font-medium after:absolute after:inset-0"
        >
          {call.tool}
        </Link>
        {call.resource ? (
          <span>
            {' '}
            <Escaped text={resourceId(call.resource)} />
          </span>
        ) : null}
      </div>
      <span className="text-dense text-muted">{call.agent}</span>
      <span className="text-note text-muted md:text-right">
        {call.status ? `HTTP ${call.status} · ` : ''}
        <Time at={call.consumed_at} />
        <Took call={call} />
      </span>
    </li>
  );
}

function emptyText(show: Show): string {
  if (show === 'in_doubt') return 'No calls in doubt.';
  return show === 'all' ? 'No calls yet. A run makes the first.' : 'No such calls.';
}

function CallList({ show }: { show: Exclude<Show, 'refused'> }) {
  const query = useQuery({
    ...callsQuery(show === 'all' ? undefined : show),
    select: (rows) => sortCalls(rows),
  });
  return (
    <AsyncList query={query} label="calls" empty={<p>{emptyText(show)}</p>}>
      {(rows) => (
        <ul className="divide-y divide-line">
          {rows.map((call) => (
            <Row key={call.attempt} call={call} />
          ))}
        </ul>
      )}
    </AsyncList>
  );
}

function Refused() {
  const query = useQuery({
    ...refusalsQuery,
    select: (rows) => [...rows].sort((a, b) => b.at.localeCompare(a.at)),
  });
  return (
    <AsyncList query={query} label="refusals" empty={<p>Nothing was refused.</p>}>
      {(rows) => <RefusalList rows={rows} />}
    </AsyncList>
  );
}

function word(show: CallClass): string {
  return show === 'refused' ? 'Refused' : capital(stateLook('call', show).word);
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** What went through the enforcer, and what it refused. */
export function CallsPage({ show }: { show: Show }) {
  const tabs = [
    { to: '/calls' as const, search: {}, word: 'All', current: show === 'all' },
    ...CALL_CLASSES.map((item) => ({
      to: '/calls' as const,
      search: { class: item },
      word: word(item),
      current: show === item,
    })),
  ];
  return (
    <Page title="Calls" lead="Every attempt to use a token, and what became of it.">
      <TabLinks label="Calls by state" tabs={tabs} />
      <div className="rounded-lg border border-line bg-surface shadow-card">
        {show === 'refused' ? <Refused /> : <CallList show={show} />}
      </div>
    </Page>
  );
}
