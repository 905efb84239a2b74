import { describe, expect, it } from 'vitest';
import { sortCalls } from './classes';

const call = (attempt: string, state: string, consumed_at: string) => ({
  attempt,
  state,
  consumed_at,
  jti: attempt,
  agent: 'remediator',
  tool: 'infra.get',
  effect: 'read' as const,
  resource: 'Service::"payments"',
  plan: 'pln_1',
  step: 's1',
  params_sha256: 'aa',
  request_sha256: 'bb',
});

describe('sortCalls', () => {
  it('keeps doubt on top and then shows the newest first', () => {
    const rows = [
      call('a', 'done', '2026-03-01T10:00:00Z'),
      call('b', 'in_doubt', '2026-03-01T09:00:00Z'),
      call('c', 'done', '2026-03-01T11:00:00Z'),
    ];
    expect(sortCalls(rows).map((row) => row.attempt)).toEqual(['b', 'c', 'a']);
  });
});
