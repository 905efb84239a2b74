import { Link } from '@tanstack/react-router';
import type { Reason } from '@/api/types';
import { Escaped } from './quote';

/** Policy ids, each a link to its text. */
export function PolicyLinks({ policies }: { policies: string[] }) {
  if (policies.length === 0) return <span className="text-muted">no policy</span>;
  return (
    <span className="inline-flex flex-wrap gap-x-3 gap-y-1">
      {policies.map((policy) => (
        <Link
          key={policy}
          to="/policies"
          search={{ policy }}
          className="inline-block py-0.5 font-mono text-dense text-accent underline underline-offset-2"
        >
          {policy}
        </Link>
      ))}
    </span>
  );
}

/** Why a verdict came out as it did, in the authority's words. */
export function Reasons({ reasons }: { reasons: Reason[] }) {
  if (reasons.length === 0) return null;
  return (
    <ul className="space-y-1">
      {reasons.map((reason) => (
        <li key={`${reason.code} ${reason.policy ?? ''} ${reason.message}`}>
          <Escaped text={reason.message} />{' '}
          <code className="font-mono text-note text-muted">{reason.code}</code>
        </li>
      ))}
    </ul>
  );
}
