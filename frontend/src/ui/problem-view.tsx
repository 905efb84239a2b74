import { OctagonMinus, TriangleAlert } from 'lucide-react';
import { toProblem } from '@/lib/problem';
import { Button } from './button';
import { Mono } from './mono';

/** A failed request: what happened, what to do, the code, and a way to try again. */
export function ProblemView({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const problem = toProblem(error);
  const Icon = problem.kind === 'denied' ? OctagonMinus : TriangleAlert;
  return (
    <div role="alert" className="flex gap-3 p-4">
      <Icon
        aria-hidden="true"
        size={20}
        className={`mt-0.5 shrink-0 ${problem.kind === 'denied' ? 'text-deny-ink' : 'text-error-ink'}`}
      />
      <div className="min-w-0 space-y-1">
        <p className="font-semibold">{problem.title}</p>
        {problem.detail ? <p className="break-words">{problem.detail}</p> : null}
        {problem.reasons.map((reason) => (
          <p key={reason}>{reason}</p>
        ))}
        {problem.policies.length > 0 ? (
          <p className="text-muted">Policies: {problem.policies.join(', ')}</p>
        ) : null}
        <p className="text-muted">{problem.advice}</p>
        <p className="text-note text-muted">
          Code <Mono>{problem.code}</Mono>
          {problem.requestId ? (
            <>
              {' '}
              · request <Mono>{problem.requestId}</Mono>
            </>
          ) : null}
        </p>
        {onRetry ? (
          <Button className="mt-2" onClick={onRetry}>
            Retry
          </Button>
        ) : null}
      </div>
    </div>
  );
}
