import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { approvalsQuery, callsQuery } from '@/api/queries';
import { ToneIcon } from '@/ui/state-badge';
import { Countdown } from '@/ui/time';

const CHIP =
  'inline-flex min-h-11 items-center gap-2 rounded-md border border-line bg-surface px-3 shadow-card hover:bg-sunken md:min-h-8';

/** What waits for a person: approvals and calls in doubt. */
export function NeedsYou() {
  const approvals = useQuery(approvalsQuery);
  const doubtful = useQuery(callsQuery('in_doubt'));
  const pending = (approvals.data ?? [])
    .filter((approval) => approval.state === 'pending')
    .sort((a, b) => a.expires_at.localeCompare(b.expires_at));
  const doubts = doubtful.data?.length ?? 0;
  const known = approvals.isSuccess && doubtful.isSuccess;
  const first = pending[0];
  return (
    <>
      {first ? (
        <Link to="/approvals" className={CHIP}>
          <ToneIcon tone="wait" />
          <span className="font-medium">
            {pending.length} {pending.length === 1 ? 'approval' : 'approvals'}
          </span>
          <span className="text-muted">
            oldest <Countdown until={first.expires_at} /> left
          </span>
        </Link>
      ) : null}
      {doubts > 0 ? (
        <Link to="/calls" className={CHIP}>
          <ToneIcon tone="error" />
          <span className="font-medium">
            {doubts} {doubts === 1 ? 'call' : 'calls'} in doubt
          </span>
        </Link>
      ) : null}
      {known && !first && doubts === 0 ? (
        <p className="flex min-h-8 items-center text-muted">Nothing waits for you.</p>
      ) : null}
    </>
  );
}
