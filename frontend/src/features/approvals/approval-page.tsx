import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { approvalQuery } from '@/api/queries';
import type { ApprovalView } from '@/api/types';
import { escapeText } from '@/lib/escape';
import { useNow } from '@/lib/now';
import { countdownAnnouncement } from '@/lib/time';
import { AsyncOne } from '@/ui/async-list';
import { Button } from '@/ui/button';
import { Page } from '@/ui/page';
import { useShortcuts } from '@/ui/shortcuts';
import { StateBadge } from '@/ui/state-badge';
import { Countdown } from '@/ui/time';
import { ChangePanel, HashPanel, WhoPanel, WhyPanel } from './approval-panels';
import { targetOf } from './approvals';
import { DecisionDialog } from './decision-dialog';
import { usePlanCheck, whyNotApprove, whyNotDeny } from './use-plan-check';

function Expiry({ approval }: { approval: ApprovalView }) {
  const now = useNow();
  if (approval.state !== 'pending') return null;
  const left = Math.floor((Date.parse(approval.expires_at) - now) / 1000);
  return (
    <span className="inline-flex items-center gap-1.5 text-muted">
      {left > 0 ? 'expires in ' : ''}
      <Countdown until={approval.expires_at} />
      <span className="sr-only" role="status">
        {countdownAnnouncement(left)}
      </span>
    </span>
  );
}

function Decide({ approval }: { approval: ApprovalView }) {
  const [open, setOpen] = useState<'approve' | 'deny' | null>(null);
  const check = usePlanCheck(approval);
  const noApprove = whyNotApprove(approval, check);
  const noDeny = whyNotDeny(approval);
  const keys = useMemo(
    () => ({
      a: () => (noApprove === null ? setOpen('approve') : undefined),
      d: () => (noDeny === null ? setOpen('deny') : undefined),
    }),
    [noApprove, noDeny],
  );
  useShortcuts(keys);
  if (approval.state !== 'pending') return null;
  return (
    <div className="sticky bottom-16 z-10 mt-4 flex flex-wrap items-center justify-end gap-x-6 gap-y-2 rounded-lg border border-line bg-surface p-3 shadow-bar md:bottom-4 md:px-4">
      <div id="why-disabled" className="min-w-0 flex-1 basis-64 text-dense">
        {noApprove ? (
          <p>{noApprove}</p>
        ) : (
          <p className="text-muted">Read what will be sent first.</p>
        )}
      </div>
      <div className="flex gap-6">
        <Button
          look="danger"
          disabled={noDeny !== null}
          aria-describedby={noDeny ? 'why-disabled' : undefined}
          aria-keyshortcuts="d"
          onClick={() => setOpen('deny')}
        >
          Deny
        </Button>
        <Button
          look="plain"
          disabled={noApprove !== null}
          aria-describedby={noApprove ? 'why-disabled' : undefined}
          aria-keyshortcuts="a"
          onClick={() => setOpen('approve')}
        >
          Approve
        </Button>
      </div>
      {open ? (
        <DecisionDialog
          approval={approval}
          decision={open}
          planHash={check?.result === 'good' ? check.hash : approval.plan_hash}
          onClose={() => setOpen(null)}
        />
      ) : null}
    </div>
  );
}

function Approval({ approval }: { approval: ApprovalView }) {
  const acted = targetOf(approval);
  const target = acted ? ` → ${escapeText(acted)}` : '';
  const pending = approval.state === 'pending';
  return (
    <Page
      title={`${pending ? 'Approve? ' : ''}${approval.tool}${target}`}
      badge={
        <span role="status" className="inline-flex items-center gap-3">
          <StateBadge kind="approval" value={approval.state} />
        </span>
      }
      lead={<Expiry approval={approval} />}
      firstFocus="heading"
    >
      <div className="flex flex-col gap-4 lg:flex-row lg:items-start">
        <div className="contents min-w-0 flex-3 flex-col gap-4 lg:flex">
          <ChangePanel approval={approval} />
          <HashPanel approval={approval} />
        </div>
        <div className="contents min-w-0 flex-2 flex-col gap-4 lg:flex">
          <WhyPanel approval={approval} />
          <WhoPanel approval={approval} />
        </div>
      </div>
      <Decide approval={approval} />
    </Page>
  );
}

/** One approval: what will be sent, why a person is asked, who asked, who decided. */
export function ApprovalPage({ id }: { id: string }) {
  const query = useQuery(approvalQuery(id));
  if (query.data) return <Approval approval={query.data} />;
  return (
    <Page title="Approval" firstFocus="heading">
      <div className="rounded-lg border border-line bg-surface shadow-card">
        <AsyncOne query={query} label="the approval">
          {() => null}
        </AsyncOne>
      </div>
    </Page>
  );
}
