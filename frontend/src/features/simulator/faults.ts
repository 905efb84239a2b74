/** A fault that can be injected, and what will be seen. */
export interface FaultKind {
  kind: string;
  word: string;
  /** What happens, without naming the remedy. */
  story: string;
  target: 'service' | 'world';
}

export const FAULT_KINDS: readonly FaultKind[] = [
  { kind: 'crash', word: 'Crash', story: 'Its processes exit.', target: 'service' },
  { kind: 'degrade', word: 'Degrade', story: 'It answers slowly.', target: 'service' },
  {
    kind: 'bad-deploy',
    word: 'Bad deploy',
    story: 'A new version goes out and fails.',
    target: 'service',
  },
  { kind: 'memory-leak', word: 'Memory leak', story: 'Its memory fills up.', target: 'service' },
  { kind: 'traffic-spike', word: 'Traffic spike', story: 'Many more requests.', target: 'service' },
];
