import type { Fault, FaultRequest } from '@/api/types';

/** A fault that can be injected, and what will be seen. */
export interface FaultKind {
  kind: FaultRequest['kind'];
  word: string;
  /** What happens, without naming the remedy. */
  story: string;
}

export const FAULT_KINDS: readonly FaultKind[] = [
  { kind: 'crash', word: 'Crash', story: 'Its process ends.' },
  { kind: 'degrade', word: 'Degrade', story: 'It answers slowly.' },
  {
    kind: 'bad-deploy',
    word: 'Bad deploy',
    story: 'A new version goes out and fails.',
  },
  { kind: 'memory-leak', word: 'Memory leak', story: 'Its memory fills up.' },
  { kind: 'traffic-spike', word: 'Traffic spike', story: 'Two and a half times the load.' },
];

/** What a fault is on, in words. */
export function faultTarget(fault: Fault): string {
  return fault.kind === 'storm' ? `${fault.target} probes` : fault.target;
}
