import { useQuery } from '@tanstack/react-query';
import { receiptKeysQuery } from '@/api/queries';
import type { JsonObject } from '@/api/types';
import { epochIso } from '@/lib/claims';
import { checkSignature, decodeJws, type SignatureCheck } from '@/lib/jws';
import { stateLook } from '@/lib/states';
import { JsonBlock } from './json-view';
import { CopyButton, Digest } from './mono';
import { Badge } from './state-badge';
import { Time } from './time';

function moment(value: JsonObject[string] | undefined): string {
  return typeof value === 'string' ? value : epochIso(value);
}

function text(value: JsonObject[string] | undefined): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

function SignatureMark({ check }: { check: SignatureCheck | undefined }) {
  if (!check) return <span className="text-muted">checking the signature…</span>;
  switch (check.result) {
    case 'good':
      return <Badge look={{ tone: 'allow', word: 'signature checked in this browser' }} />;
    case 'bad':
      return <Badge look={{ tone: 'error', word: `bad signature: ${check.reason}` }} />;
    case 'not_checked':
      return <Badge look={{ tone: 'none', word: `signature not checked: ${check.reason}` }} />;
  }
}

function useSignature(receipt: string): SignatureCheck | undefined {
  const keys = useQuery(receiptKeysQuery);
  const check = useQuery({
    queryKey: ['signature', receipt, keys.dataUpdatedAt],
    enabled: keys.data !== undefined,
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: () => checkSignature(receipt, keys.data ?? []),
  });
  if (keys.isError)
    return { result: 'not_checked', reason: 'the enforcer’s keys are not readable' };
  return check.data;
}

/** A receipt: the enforcer's signed word on what became of the call. */
export function ReceiptView({ receipt }: { receipt: string }) {
  const signature = useSignature(receipt);
  const decoded = decodeJws(receipt);
  if (!decoded) return <p>The receipt cannot be read.</p>;
  const { claims } = decoded;
  const outcome = text(claims.outcome);
  const bad = signature?.result === 'bad';
  const ended = moment(claims.ended_at);
  const leaf = text(claims.leaf);
  return (
    <div className="space-y-1.5">
      <div className="flex flex-wrap items-center gap-2">
        {bad ? null : <Badge look={stateLook('call', outcome)} />}
        {text(claims.status) ? <span>HTTP {text(claims.status)}</span> : null}
        {ended ? (
          <span className="text-muted">
            <Time at={ended} />
          </span>
        ) : null}
        <SignatureMark check={signature} />
      </div>
      {leaf ? (
        <p className="text-note text-muted">
          ledger leaf <Digest value={leaf} label="ledger leaf" />
        </p>
      ) : null}
      <details>
        <summary className="py-0.5 text-accent">all claims</summary>
        <div className="mt-2 space-y-2">
          <JsonBlock value={claims} label="Receipt claims" />
          <p className="text-note text-muted">
            signed form <CopyButton text={receipt} label="receipt" />
          </p>
        </div>
      </details>
    </div>
  );
}
