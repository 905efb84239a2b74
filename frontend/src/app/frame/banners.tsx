import { useQueries, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Info, TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import { reconnect, useLive } from '@/api/live';
import { callsQuery, controlQuery, metaQuery, policiesQuery, roleQuery } from '@/api/queries';
import type { ServiceName } from '@/api/types';
import { useNow } from '@/lib/now';
import { toProblem } from '@/lib/problem';
import { formatDuration } from '@/lib/time';
import { Button } from '@/ui/button';
import { Escaped } from '@/ui/quote';
import { Time } from '@/ui/time';

const LOOK = {
  serious: 'bg-error text-on-error',
  notice: 'bg-wait text-on-wait',
  quiet: 'bg-sunken text-muted border-b border-line',
};

function Banner({ look, children }: { look: keyof typeof LOOK; children: ReactNode }) {
  const Icon = look === 'quiet' ? Info : TriangleAlert;
  return (
    <div
      role={look === 'quiet' ? 'note' : 'alert'}
      className={`flex items-center gap-2.5 px-4 md:px-6 ${look === 'quiet' ? 'py-1 text-note' : 'py-2'} ${LOOK[look]}`}
    >
      <Icon aria-hidden="true" size={look === 'quiet' ? 13 : 16} className="shrink-0" />
      <div className="flex min-w-0 flex-1 flex-wrap items-center gap-x-3 gap-y-1">{children}</div>
    </div>
  );
}

interface Gone {
  service: ServiceName;
  since: string;
}

/** The services that do not answer, and the isolation that those which do report. */
function useServices(): { gone: Gone[]; isolation: string | null } {
  const meta = useQuery(metaQuery);
  const names: ServiceName[] = ['authority', 'enforcer', 'planner'];
  if (meta.data?.simulator === true) names.push('simulator');
  const answers = useQueries({ queries: names.map((name) => roleQuery(name)) });
  const gone: Gone[] = [];
  let isolation: string | null = null;
  answers.forEach((answer, index) => {
    const service = names[index];
    if (answer.data?.isolation) isolation = answer.data.isolation;
    if (!service || !answer.isError || toProblem(answer.error).kind !== 'unreachable') return;
    const since = answer.dataUpdatedAt || answer.errorUpdatedAt;
    gone.push({ service, since: new Date(since).toISOString() });
  });
  return { gone, isolation };
}

function StoppedBanner({ heard }: { heard: number }) {
  useNow();
  const silence = formatDuration(Math.floor((Date.now() - heard) / 1000) * 1000).replace('.0', '');
  return (
    <Banner look="notice">
      <span>Live updates stopped {silence} ago. What you see may be old.</span>
      <Button onClick={reconnect}>Reconnect</Button>
    </Banner>
  );
}

/** The most serious thing that is true of the whole installation, and nothing below it. */
export function Banners() {
  const live = useLive();
  const control = useQuery(controlQuery);
  const policies = useQuery(policiesQuery);
  const doubtful = useQuery(callsQuery('in_doubt'));
  const { gone, isolation } = useServices();
  const frozen = control.data?.entries[0];
  const doubts = doubtful.data?.length ?? 0;
  if (frozen) {
    return (
      <Banner look="serious">
        <span>
          <strong>Frozen:</strong> {frozen.scope}
          {frozen.by ? ` by ${frozen.by}` : ''}, <Time at={frozen.at} />
        </span>
        {frozen.reason ? (
          <span>
            “<Escaped text={frozen.reason} />”
          </span>
        ) : null}
      </Banner>
    );
  }
  if (gone.length > 0) {
    return (
      <Banner look="serious">
        {gone.map((item) => (
          <span key={item.service}>
            <strong>{item.service}</strong> is not reachable since <Time at={item.since} />.
          </span>
        ))}
      </Banner>
    );
  }
  if (doubts > 0) {
    return (
      <Banner look="serious">
        <span>
          {doubts === 1 ? 'One call is' : `${doubts} calls are`} in doubt: it is not known whether
          it ran.
        </span>
        <Link to="/calls" className="underline underline-offset-2">
          Look at it
        </Link>
      </Banner>
    );
  }
  if (live.state === 'stopped') return <StoppedBanner heard={live.heard} />;
  if (policies.data?.candidate) {
    return (
      <Banner look="notice">
        <span>The newest policies were refused; the last good bundle still serves.</span>
        <Link to="/policies" className="underline underline-offset-2">
          See why
        </Link>
      </Banner>
    );
  }
  if (isolation === 'shared-process') {
    return (
      <Banner look="quiet">
        <span>
          All roles share one process (isolation: shared-process). Run them apart in production.
        </span>
      </Banner>
    );
  }
  return null;
}
