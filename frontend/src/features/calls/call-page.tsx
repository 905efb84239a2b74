import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { callsQuery, runsQuery } from '@/api/queries';
import type { CallView } from '@/api/types';
import { escapeText } from '@/lib/escape';
import { resourceId } from '@/lib/resource';
import { AsyncOne } from '@/ui/async-list';
import { Card, Fact, Facts } from '@/ui/card';
import { JsonBlock } from '@/ui/json-view';
import { CopyButton, Digest, Mono } from '@/ui/mono';
import { Page } from '@/ui/page';
import { ReceiptView } from '@/ui/receipt-view';
import { StateBadge } from '@/ui/state-badge';
import { Time } from '@/ui/time';

const LINK = 'text-accent underline underline-offset-2';

const STATE_TEXT: Record<string, string> = {
  consumed: 'The token is spent and the request is on its way.',
  done: 'The upstream answered completely.',
  not_sent: 'Nothing was written to the upstream; a new token may be issued.',
  in_doubt:
    'The request was sent and no complete answer came. It is not known whether it ran, and it is never sent again by itself.',
  resolved: 'A person or a probe settled what had happened.',
};

function RunFact({ plan }: { plan: string }) {
  const runs = useQuery(runsQuery);
  const run = runs.data?.find((item) => item.plan_ids?.includes(plan));
  return run ? (
    <Fact name="Run">
      <Link to="/runs/$run" params={{ run: run.run_id }} className={LINK}>
        {escapeText(run.goal)}
      </Link>
    </Fact>
  ) : null;
}

function Call({ call }: { call: CallView }) {
  return (
    <Card title="Attempt">
      <p className="pb-2">{STATE_TEXT[call.state] ?? ''}</p>
      <Facts>
        <Fact name="Attempt">
          <Mono>{call.attempt}</Mono> <CopyButton text={call.attempt} label="attempt id" />
        </Fact>
        <Fact name="Tool">
          <Link to="/tools/$name" params={{ name: call.tool }} className={LINK}>
            <Mono>{call.tool}</Mono>
          </Link>
        </Fact>
        {call.resource ? <Fact name="Resource">{escapeText(call.resource)}</Fact> : null}
        <Fact name="Agent">{call.agent}</Fact>
        {call.plan ? <RunFact plan={call.plan} /> : null}
        {call.plan ? (
          <Fact name="Plan, step">
            <Mono>{call.plan}</Mono> {call.step ? <Mono>{call.step}</Mono> : null}
          </Fact>
        ) : null}
        <Fact name="Token id">
          <Mono>{call.jti}</Mono>
        </Fact>
        <Fact name="Spent">
          <Time at={call.consumed_at} />
        </Fact>
        {call.ended_at ? (
          <Fact name="Ended">
            <Time at={call.ended_at} />
          </Fact>
        ) : null}
        {call.status ? <Fact name="Answer">HTTP {call.status}</Fact> : null}
        {call.params_sha256 ? (
          <Fact name="Parameters">
            <Digest value={call.params_sha256} label="parameters hash" length={24} />
          </Fact>
        ) : null}
        {call.request_sha256 ? (
          <Fact name="Request">
            <Digest value={call.request_sha256} label="request hash" length={24} />
          </Fact>
        ) : null}
        {call.resolution ? (
          <Fact name="Resolution">
            <JsonBlock value={call.resolution} label="Resolution" />
          </Fact>
        ) : null}
        <Fact name="Receipt">
          {call.receipt ? (
            <ReceiptView receipt={call.receipt} />
          ) : (
            <span className="text-muted">none</span>
          )}
        </Fact>
      </Facts>
    </Card>
  );
}

/** One attempt. */
export function CallPage({ attempt }: { attempt: string }) {
  const query = useQuery({
    ...callsQuery(undefined),
    select: (rows): CallView | null => rows.find((row) => row.attempt === attempt) ?? null,
  });
  const call = query.data;
  return (
    <Page
      title={
        call
          ? `${call.tool}${call.resource ? ` → ${escapeText(resourceId(call.resource))}` : ''}`
          : 'Call'
      }
      badge={call ? <StateBadge kind="call" value={call.state} /> : null}
    >
      <AsyncOne query={query} label="the call">
        {(found) =>
          found ? (
            <Call call={found} />
          ) : (
            <p className="rounded-lg border border-line bg-surface px-4 py-8 text-center text-muted">
              This attempt is not among the latest calls that the enforcer lists.
            </p>
          )
        }
      </AsyncOne>
    </Page>
  );
}
