import { describe, expect, it } from 'vitest';
import { changeLine, idToType, quorumLine, sortApprovals } from './approvals';
import { SAMPLE as base } from './sample';

describe('sortApprovals', () => {
  it('puts the soonest to expire first, then the gravest', () => {
    const later = { ...base, approval_id: 'later', expires_at: '2026-03-01T10:20:00Z' };
    const grave = { ...base, approval_id: 'grave', effect: 'data' as const };
    const done = { ...base, approval_id: 'done', state: 'approved' as const };
    expect(sortApprovals([later, base, grave, done], 'pending').map((a) => a.approval_id)).toEqual([
      'grave',
      'apr_1',
      'later',
    ]);
    expect(sortApprovals([later, done], 'decided').map((a) => a.approval_id)).toEqual(['done']);
  });
});

describe('changeLine', () => {
  it('names attribute, before and after', () => {
    expect(changeLine({ ...base, change: { attribute: 'replicas', before: 3, after: 12 } })).toBe(
      'replicas 3 → 12',
    );
    expect(changeLine({ ...base, change: { after: 12 } })).toBe('unknown → 12');
    expect(changeLine(base)).toBeNull();
  });
});

describe('quorumLine', () => {
  it('counts the strictest need of each role', () => {
    const rule = [
      { policy: 'a', needs: [{ role: 'sre', count: 1 }] },
      {
        policy: 'b',
        needs: [
          { role: 'sre', count: 1 },
          { role: 'security', count: 1 },
        ],
      },
    ];
    const given = [
      {
        by: 'alice',
        role: 'sre',
        decision: 'approve' as const,
        reason: '',
        at: '2026-03-01T10:01:00Z',
      },
    ];
    expect(quorumLine({ ...base, rule, given })).toBe('1 of 2');
    expect(quorumLine(base)).toBe('0 given');
  });
});

describe('idToType', () => {
  it('is asked for destructive and data steps only', () => {
    expect(idToType(base)).toBeNull();
    expect(idToType({ ...base, effect: 'destructive' })).toBe('payments');
    expect(idToType({ ...base, effect: 'data', resource: null })).toBe('infra.scale');
  });
});
