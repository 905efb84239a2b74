import { runEnded } from './states';

export const PHASES = ['sense', 'plan', 'govern', 'act', 'verify'] as const;
export type Phase = (typeof PHASES)[number];

export type PhaseStatus = 'done' | 'active' | 'waiting' | 'stopped' | 'not_reached';

export interface PhaseView {
  phase: Phase;
  status: PhaseStatus;
  /** Time spent in it so far, in milliseconds; `null` if it never began. */
  spent: number | null;
}

interface Moment {
  at: string;
  state: string;
}

const PHASE_OF: Record<string, Phase> = {
  sensing: 'sense',
  planning: 'plan',
  governing: 'govern',
  waiting: 'govern',
  acting: 'act',
  verifying: 'verify',
};

/** Where a run stands on the way Sense → Plan → Govern → Act → Verify, from its states and their times. */
export function phasesOf(state: string, timeline: Moment[], now: number): PhaseView[] {
  const spent = new Map<Phase, number>();
  let last: Phase | null = null;
  timeline.forEach((moment, index) => {
    const phase = PHASE_OF[moment.state];
    if (!phase) return;
    last = phase;
    const next = timeline[index + 1];
    const end = next ? Date.parse(next.at) : runEnded(state) ? Date.parse(moment.at) : now;
    const length = Math.max(0, end - Date.parse(moment.at));
    spent.set(phase, (spent.get(phase) ?? 0) + (Number.isNaN(length) ? 0 : length));
  });
  const current = PHASE_OF[state] ?? last;
  return PHASES.map((phase) => ({
    phase,
    status: statusOf(phase, state, current, spent.has(phase)),
    spent: spent.get(phase) ?? null,
  }));
}

function statusOf(
  phase: Phase,
  state: string,
  current: Phase | null,
  reached: boolean,
): PhaseStatus {
  if (phase === current && !runEnded(state)) return state === 'waiting' ? 'waiting' : 'active';
  if (phase === current && (state === 'failed' || state === 'blocked' || state === 'cancelled')) {
    return 'stopped';
  }
  const later = current !== null && PHASES.indexOf(phase) > PHASES.indexOf(current);
  if (!reached || (later && runEnded(state) && state !== 'completed')) return 'not_reached';
  return 'done';
}
