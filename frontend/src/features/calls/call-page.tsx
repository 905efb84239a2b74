import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { callQuery, runsQuery } from '@/api/queries';
import type { CallView } from '@/api/types';
import { escapeText } from '@/lib/escape';
import { resourceId } from '@/lib/resource';
import { AsyncOne } from '@/ui/async-list';
import { Card, Fact, Facts } from '@/ui/card';
import { EffectTag } from '@/ui/effect-tag';
import { CopyButton, Digest, Mono } from '@/ui/mono';
import { Page } from '@/ui/page';
import { LongText } from '@/ui/quote';
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
  const run = runs.data?.find((item) => item.plan_ids.includes(plan));
  return run ? (
    <Fact name="Run">
      <Link to="/runs/$run" params={{ run: run.run_id }} className={LINK}>
        {escapeText(run.goal)}
      </Link>
    </Fact>
  ) : null;
}

/** What people said of a call in doubt, and whose word is missing. */
function Words({ call }: { call: CallView }) {
  const words = call.words ?? [];
  const needed = call.people_needed ?? 0;
  return (
    <>
      {words.map((word) => (
        <Fact key={word.by} name={`${word.by} says`}>
          {word.resolution === 'executed' ? 'it ran' : 'it did not run'}
          <LongText text={`${word.evidence}\n${word.reason}`} />
        </Fact>
      ))}
      {call.people_needed === undefined ? null : (
        <Fact name="Missing">{missing(needed, words.length)}</Fact>
      )}
    </>
  );
}

function missing(needed: number, said: number) {
  if (said > 0) return 'one more person must say the same';
  return needed === 1 ? 'one person must settle it' : `${needed} people must say the same`;
}

function Call({ call }: { call: CallView }) {
  return (
    <Card title="Attempt">
      <p className="pb-2">{STATE_TEXT[call.state] ?? ''}</p>
      <Facts>
        {call.cause ? (
          <Fact name="Because">
            <LongText text={call.cause} />
          </Fact>
        ) : null}
        <Fact name="Attempt">
          <Mono>{call.attempt}</Mono> <CopyButton text={call.attempt} label="attempt id" />
        </Fact>
        <Fact name="Tool">
          <span className="inline-flex flex-wrap items-center gap-2">
            <Link to="/tools/$name" params={{ name: call.tool }} className={LINK}>
              <Mono>{call.tool}</Mono>
            </Link>
            <EffectTag effect={call.effect} />
          </span>
        </Fact>
        <Fact name="Resource">
          <Mono>{escapeText(call.resource)}</Mono>
        </Fact>
        <Fact name="Agent">{call.agent}</Fact>
        <RunFact plan={call.plan} />
        <Fact name="Plan, step">
          <Mono>{call.plan}</Mono> <Mono>{call.step}</Mono>
        </Fact>
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
        <Fact name="Parameters">
          <Digest value={call.params_sha256} label="parameters hash" length={24} />
        </Fact>
        <Fact name="Request">
          <Digest value={call.request_sha256} label="request hash" length={24} />
        </Fact>
        <Words call={call} />
        {call.resolution ? (
          <Fact name="Resolution">
            {call.resolution === 'executed' ? 'it ran' : 'it did not run'}
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
  const query = useQuery(callQuery(attempt));
  const call = query.data;
  return (
    <Page
      title={call ? `${call.tool} → ${escapeText(resourceId(call.resource))}` : 'Call'}
      badge={call ? <StateBadge kind="call" value={call.state} /> : null}
    >
      {call ? (
        <Call call={call} />
      ) : (
        <div className="rounded-lg border border-line bg-surface shadow-card">
          <AsyncOne query={query} label="the call">
            {() => null}
          </AsyncOne>
        </div>
      )}
    </Page>
  );
}
