import type { RunView } from '@/api/types';
import { useNow } from '@/lib/now';
import { type Phase, type PhaseStatus, phasesOf } from '@/lib/phases';
import type { Tone } from '@/lib/states';
import { formatDuration } from '@/lib/time';
import { ToneIcon } from '@/ui/state-badge';

const TONE: Record<PhaseStatus, Tone> = {
  done: 'allow',
  active: 'active',
  waiting: 'wait',
  stopped: 'deny',
  not_reached: 'none',
};

const WORD: Record<PhaseStatus, string> = {
  done: 'done',
  active: 'under way',
  waiting: 'waits for a person',
  stopped: 'stopped here',
  not_reached: 'not reached',
};

const NAME: Record<Phase, string> = {
  sense: 'Sense',
  plan: 'Plan',
  govern: 'Govern',
  act: 'Act',
  verify: 'Verify',
};

/** Sense → Plan → Govern → Act → Verify, and where the run stands on it. */
export function PhaseBar({ run }: { run: RunView }) {
  const now = useNow();
  const phases = phasesOf(run.state, run.timeline ?? [], now);
  return (
    <ol
      aria-label="Phases"
      className="grid grid-cols-1 overflow-hidden rounded-lg border border-line bg-surface shadow-card sm:grid-cols-5"
    >
      {phases.map((view) => {
        const busy = view.status === 'active' || view.status === 'waiting';
        return (
          <li
            key={view.phase}
            data-phase={view.phase}
            data-status={view.status}
            aria-current={busy ? 'step' : undefined}
            className="flex items-center gap-2.5 border-line px-4 py-2 not-first:border-t sm:py-3 sm:not-first:border-t-0 sm:not-first:border-l"
          >
            <ToneIcon tone={TONE[view.status]} size={20} />
            <span className="min-w-0">
              <span
                className={`block ${view.status === 'not_reached' ? 'text-muted' : 'font-semibold'}`}
              >
                {NAME[view.phase]}
              </span>
              <span className="block text-note text-muted">
                {WORD[view.status]}
                {view.spent !== null && view.status !== 'not_reached'
                  ? ` · ${formatDuration(view.spent)}`
                  : ''}
              </span>
            </span>
          </li>
        );
      })}
    </ol>
  );
}
