import type { SupersededPlan } from '@/api/types';
import { Card } from '@/ui/card';
import { Escaped, LongText } from '@/ui/quote';
import { StateBadge } from '@/ui/state-badge';

/** Plans that failed and were replaced: what was tried before. */
export function Superseded({ plans }: { plans: SupersededPlan[] }) {
  return (
    <Card title="Earlier plans of this run" padding="flush">
      <ol className="divide-y divide-line">
        {plans.map((plan, index) => (
          <li
            // biome-ignore lint/suspicious/noArrayIndexKey: plans are only ever appended.
            key={index}
            className="space-y-2 px-4 py-3"
          >
            <p className="break-words">
              <span className="text-muted">Replaced: </span>
              <LongText text={plan.why} />
            </p>
            <ul className="space-y-1">
              {plan.steps.map((step) => (
                <li key={step.id} className="flex flex-wrap items-center gap-2">
                  <StateBadge kind="step" value={step.state} />
                  <span className="font-mono text-dense">
                    <Escaped text={step.tool} />
                  </span>
                  {step.refusal ? (
                    <span className="text-muted">
                      {step.refusal.code}: <Escaped text={step.refusal.message} />
                    </span>
                  ) : null}
                </li>
              ))}
            </ul>
          </li>
        ))}
      </ol>
    </Card>
  );
}
