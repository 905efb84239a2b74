import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { approvalsQuery } from '@/api/queries';
import type { ApprovalView } from '@/api/types';
import { AsyncList } from '@/ui/async-list';
import { EffectTag } from '@/ui/effect-tag';
import { Page } from '@/ui/page';
import { Escaped } from '@/ui/quote';
import { StateBadge } from '@/ui/state-badge';
import { TabLinks } from '@/ui/tab-links';
import { Countdown, Time } from '@/ui/time';
import { changeLine, quorumLine, sortApprovals, targetOf } from './approvals';

type View = 'pending' | 'decided';

function Row({ approval }: { approval: ApprovalView }) {
  const change = changeLine(approval);
  const target = targetOf(approval);
  return (
    <li className="relative grid gap-x-4 gap-y-1.5 px-4 py-3 hover:bg-sunken md:grid-cols-[8rem_minmax(0,1fr)_9rem_7rem]">
      <div>
        {approval.state === 'pending' ? (
          <EffectTag effect={approval.effect} />
        ) : (
          <StateBadge kind="approval" value={approval.state} />
        )}
      </div>
      <div className="min-w-0">
        <Link
          to="/approvals/$id"
          params={{ id: approval.approval_id }}
          className="block font-medium break-words after:absolute after:inset-0"
        >
          <span className="font-mono text-dense">{approval.tool}</span>
          {target ? (
            <>
              {' → '}
              <Escaped text={target} />
            </>
          ) : null}
        </Link>
        <p className="text-note break-words text-muted">
          {change ? (
            <>
              <Escaped text={change} />
              {' · '}
            </>
          ) : null}
          {approval.agent}
          {approval.requested_by ? `, asked by ${approval.requested_by}` : ''}
        </p>
      </div>
      <span className="self-center text-dense text-muted">{quorumLine(approval)}</span>
      <span className="self-center md:text-right">
        {approval.state === 'pending' ? (
          <>
            <Countdown until={approval.expires_at} />
            <span className="text-note text-muted"> left</span>
          </>
        ) : (
          <span className="text-note text-muted">
            <Time at={approval.created_at} />
          </span>
        )}
      </span>
    </li>
  );
}

/** What waits for a person's decision, the soonest to expire first; and what was decided. */
export function ApprovalsPage({ view }: { view: View }) {
  const query = useQuery({ ...approvalsQuery, select: (rows) => sortApprovals(rows, view) });
  return (
    <Page
      title="Approvals"
      lead="Each is decided on its own page, from what will be sent. There is no approving in bulk."
    >
      <TabLinks
        label="Approvals"
        tabs={[
          { to: '/approvals', search: {}, word: 'Pending', current: view === 'pending' },
          {
            to: '/approvals',
            search: { state: 'decided' },
            word: 'Decided',
            current: view === 'decided',
          },
        ]}
      />
      <div className="rounded-lg border border-line bg-surface shadow-card">
        <AsyncList
          query={query}
          label="approvals"
          empty={
            <p>
              {view === 'pending' ? 'Nothing waits for a decision.' : 'Nothing was decided yet.'}
            </p>
          }
        >
          {(rows) => (
            <ul className="divide-y divide-line">
              {rows.map((approval) => (
                <Row key={approval.approval_id} approval={approval} />
              ))}
            </ul>
          )}
        </AsyncList>
      </div>
    </Page>
  );
}
