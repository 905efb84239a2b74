import type { Check } from '@/api/types';
import { showJson } from '@/lib/diff';
import { Escaped } from '@/ui/quote';
import { Badge } from '@/ui/state-badge';

/** What the state had to be afterwards, and what it was. */
export function CheckView({ check }: { check: Check }) {
  const look =
    check.passed === true
      ? ({ tone: 'allow', word: 'passed' } as const)
      : check.passed === false
        ? ({ tone: 'error', word: 'failed' } as const)
        : ({ tone: 'none', word: 'not checked' } as const);
  return (
    <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
      <Badge look={look} />
      {check.expect ? (
        <span>
          expected{' '}
          <code className="font-mono text-dense">
            <Escaped text={check.expect} />
          </code>
        </span>
      ) : null}
      {check.actual === undefined || check.actual === null ? null : (
        <span>
          found{' '}
          <code className="font-mono text-dense">
            <Escaped text={showJson(check.actual)} />
          </code>
        </span>
      )}
    </div>
  );
}
