import { useMemo, useState } from 'react';
import type { RunStep } from '@/api/types';
import { Button } from '@/ui/button';
import { useShortcuts } from '@/ui/shortcuts';
import { StepCard } from './step-card';

const keyOf = (step: RunStep) => `${step.plan_id ?? ''} ${step.id}`;

/** Steps worth opening by themselves: what waits, what went wrong, what changed something. */
function opensItself(step: RunStep): boolean {
  return step.effect !== 'read' || step.verdict === 'deny' || step.state === 'in_doubt';
}

/** The steps of a run, plan by plan. */
export function StepList({ steps, ended }: { steps: RunStep[]; ended: boolean }) {
  const [chosen, setChosen] = useState<Record<string, boolean>>({});
  const isOpen = (step: RunStep) => chosen[keyOf(step)] ?? opensItself(step);
  const allOpen = steps.length > 0 && steps.every(isOpen);
  const toggleAll = useMemo(
    () => () => setChosen(Object.fromEntries(steps.map((step) => [keyOf(step), !allOpen]))),
    [steps, allOpen],
  );
  const keys = useMemo(() => ({ '.': toggleAll }), [toggleAll]);
  useShortcuts(keys);
  return (
    <section aria-label="Steps">
      <div className="mb-2 flex items-center justify-between">
        <h2 className="text-section font-semibold">Steps</h2>
        {steps.length > 1 ? (
          <Button look="quiet" onClick={toggleAll} aria-keyshortcuts=".">
            {allOpen ? 'Fold all' : 'Unfold all'}
          </Button>
        ) : null}
      </div>
      {steps.length === 0 ? (
        <p className="rounded-lg border border-dashed border-control px-4 py-6 text-center text-muted">
          {ended ? 'This run planned no steps.' : 'The agent has not planned its steps yet.'}
        </p>
      ) : (
        <ol className="space-y-3">
          {steps.map((step) => (
            <StepCard
              key={keyOf(step)}
              step={step}
              open={isOpen(step)}
              onToggle={() => setChosen((before) => ({ ...before, [keyOf(step)]: !isOpen(step) }))}
            />
          ))}
        </ol>
      )}
    </section>
  );
}
