/** How a state looks. Five fills with shapes of their own, and `active` for what is going on right now. */
export type Tone = 'allow' | 'wait' | 'deny' | 'error' | 'none' | 'active';

export interface StateLook {
  tone: Tone;
  word: string;
}

const look = (tone: Tone, word: string): StateLook => ({ tone, word });

const VERDICT: Record<string, StateLook> = {
  allow: look('allow', 'allow'),
  deny: look('deny', 'deny'),
  needs_approval: look('wait', 'needs approval'),
};

const RUN: Record<string, StateLook> = {
  sensing: look('active', 'sensing'),
  planning: look('active', 'planning'),
  governing: look('active', 'governing'),
  waiting: look('wait', 'waiting for approval'),
  acting: look('active', 'acting'),
  verifying: look('active', 'verifying'),
  completed: look('allow', 'completed'),
  blocked: look('deny', 'blocked'),
  no_action: look('none', 'no action'),
  failed: look('error', 'failed'),
  cancelled: look('none', 'cancelled'),
};

const STEP: Record<string, StateLook> = {
  planned: look('none', 'planned'),
  pending: look('none', 'not run'),
  waiting: look('wait', 'waiting for approval'),
  issued: look('active', 'token issued'),
  running: look('active', 'running'),
  acting: look('active', 'running'),
  verifying: look('active', 'verifying'),
  done: look('allow', 'done'),
  failed: look('error', 'failed'),
  refused: look('deny', 'refused'),
  not_sent: look('none', 'not sent'),
  in_doubt: look('error', 'in doubt'),
  denied: look('deny', 'denied'),
  cancelled: look('none', 'cancelled'),
  skipped: look('none', 'skipped'),
};

const APPROVAL: Record<string, StateLook> = {
  pending: look('wait', 'pending'),
  approved: look('allow', 'approved'),
  denied: look('deny', 'denied'),
  expired: look('none', 'expired'),
  void: look('none', 'void'),
};

const CALL: Record<string, StateLook> = {
  consumed: look('active', 'being sent'),
  done: look('allow', 'done'),
  not_sent: look('none', 'not sent'),
  in_doubt: look('error', 'in doubt'),
  resolved: look('none', 'resolved'),
  resolved_executed: look('none', 'resolved: it ran'),
  resolved_not_executed: look('none', 'resolved: it did not run'),
};

const SERVICE: Record<string, StateLook> = {
  up: look('allow', 'up'),
  degraded: look('wait', 'degraded'),
  down: look('deny', 'down'),
};

const SEVERITY: Record<string, StateLook> = {
  info: look('none', 'info'),
  warning: look('wait', 'warning'),
  critical: look('deny', 'critical'),
};

const LOOKS = {
  verdict: VERDICT,
  run: RUN,
  step: STEP,
  approval: APPROVAL,
  call: CALL,
  service: SERVICE,
  severity: SEVERITY,
};

export type StateKind = keyof typeof LOOKS;

/** The look of `value`; one that this console does not know is shown by name and never as success. */
export function stateLook(kind: StateKind, value: string | null | undefined): StateLook {
  if (!value) return look('none', 'unknown');
  const table = LOOKS[kind];
  return Object.hasOwn(table, value) ? (table[value] ?? look('none', value)) : look('none', value);
}

const ENDED_RUNS = new Set(['completed', 'blocked', 'no_action', 'failed', 'cancelled']);

/** Whether a run has ended. */
export function runEnded(state: string): boolean {
  return ENDED_RUNS.has(state);
}

interface JudgedStep {
  state: string;
  check?: { passed?: boolean | null } | null;
}

/** A run's look. `completed` is green only if every step is done and no check failed. */
export function runLook(state: string, steps: JudgedStep[] | null | undefined): StateLook {
  const sound = (steps ?? []).every((s) => s.state === 'done' && s.check?.passed !== false);
  if (state === 'completed' && !sound)
    return look('error', 'completed, but not every step is done');
  return stateLook('run', state);
}
