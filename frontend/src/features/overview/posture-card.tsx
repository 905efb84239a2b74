import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { ledgerQuery, policiesQuery, roleQuery } from '@/api/queries';
import type { PoliciesView } from '@/api/types';
import { toProblem } from '@/lib/problem';
import type { Tone } from '@/lib/states';
import { Card } from '@/ui/card';
import { Digest } from '@/ui/mono';
import { ToneIcon } from '@/ui/state-badge';
import { Time } from '@/ui/time';

function Row({ tone, children }: { tone: Tone; children: ReactNode }) {
  return (
    <li className="flex gap-2.5 px-4 py-2.5">
      <span className="mt-0.5">
        <ToneIcon tone={tone} />
      </span>
      <div className="min-w-0 flex-1">{children}</div>
    </li>
  );
}

const LINK = 'text-accent underline underline-offset-2';

function Unknown({ what, error }: { what: string; error: unknown }) {
  return (
    <Row tone="none">
      {what} unknown
      {error ? <span className="text-muted">: {toProblem(error).title.toLowerCase()}</span> : null}
    </Row>
  );
}

function PolicyRows({ policies }: { policies: PoliciesView }) {
  const count = policies.files.reduce((sum, file) => sum + (file.policies?.length ?? 0), 0);
  const failed = policies.cases.failed.length;
  const total = policies.cases.passed + failed;
  return (
    <>
      <Row tone={!policies.bundle ? 'error' : policies.candidate ? 'wait' : 'allow'}>
        {policies.bundle ? (
          <>
            Bundle <Digest value={policies.bundle} label="bundle hash" length={10} />
          </>
        ) : (
          'No policy bundle: everything is denied'
        )}
        <span className="block text-note text-muted">
          {count} {count === 1 ? 'policy' : 'policies'}
          {policies.loaded_at ? (
            <>
              , active since <Time at={policies.loaded_at} />
            </>
          ) : null}
          {policies.candidate ? '; a newer one was refused' : ''} ·{' '}
          <Link to="/policies" className={LINK}>
            Policies
          </Link>
        </span>
      </Row>
      <Row tone={failed > 0 ? 'error' : total > 0 ? 'allow' : 'none'}>
        {policies.cases.passed} of {total} policy cases pass
      </Row>
    </>
  );
}

function LedgerRow({ service }: { service: 'authority' | 'enforcer' }) {
  const ledger = useQuery(ledgerQuery(service));
  if (!ledger.data) return <Unknown what={`${service} ledger`} error={ledger.error} />;
  return (
    <Row tone="none">
      <Link to="/ledger" search={service === 'enforcer' ? { of: 'enforcer' } : {}} className={LINK}>
        {service} ledger
      </Link>
      : {ledger.data.size.toLocaleString('en')} records
      <span className="block text-note text-muted">
        not verified here; verify with <code className="font-mono">countersign audit verify</code>
      </span>
    </Row>
  );
}

/** How well governed this installation is; never green on missing data. */
export function PostureCard() {
  const policies = useQuery(policiesQuery);
  const authority = useQuery(roleQuery('authority'));
  return (
    <Card title="Posture" padding="flush" className="order-4 lg:order-none">
      <ul className="divide-y divide-line">
        {policies.data ? (
          <PolicyRows policies={policies.data} />
        ) : (
          <Unknown what="Policies" error={policies.error} />
        )}
        <LedgerRow service="authority" />
        <LedgerRow service="enforcer" />
        {authority.data?.isolation ? (
          <Row tone="none">
            Isolation: {authority.data.isolation}
            <span className="block text-note text-muted">version {authority.data.version}</span>
          </Row>
        ) : null}
      </ul>
    </Card>
  );
}
