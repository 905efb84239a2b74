import { describe, expect, it } from 'vitest';
import type { ApprovalView } from '@/api/types';
import { whyNotApprove, whyNotDeny } from './use-plan-check';

const approval: ApprovalView = {
  approval_id: 'apr_1',
  plan_id: 'pln_1',
  step: 's1',
  plan_hash: 'aa',
  state: 'pending',
  tool: 'infra.scale',
  effect: 'service',
  params: {},
  reasons: [],
  policies: [],
  rule: [],
  given: [],
  agent: 'remediator',
  goal: 'be ready',
  signature_required: false,
  can_decide: true,
  created_at: '2026-03-01T10:00:00Z',
  expires_at: '2026-03-01T10:15:00Z',
};
const good = { result: 'good' as const, hash: 'aa', steps: [] };

describe('whyNotApprove', () => {
  it('lets a pending approval with a confirmed hash be approved', () => {
    expect(whyNotApprove(approval, good)).toBeNull();
  });

  it('names the reason in every other case', () => {
    expect(whyNotApprove(approval, undefined)).toMatch(/being recomputed/);
    expect(whyNotApprove(approval, { result: 'different', reason: 'x' })).toMatch(
      /not confirmed: x/,
    );
    expect(whyNotApprove(approval, { result: 'unavailable', reason: 'y' })).toMatch(/y/);
    expect(whyNotApprove({ ...approval, state: 'expired' }, good)).toMatch(/expired/);
    expect(whyNotApprove({ ...approval, signature_required: true }, good)).toMatch(/signing key/);
    const own = { ...approval, can_decide: false, why_not: 'you asked for this run' };
    expect(whyNotApprove(own, good)).toBe('you asked for this run');
    expect(whyNotDeny(own)).toBe('you asked for this run');
  });
});

describe('whyNotDeny', () => {
  it('does not depend on the hash or on a signing key', () => {
    expect(whyNotDeny({ ...approval, signature_required: true })).toBeNull();
    expect(whyNotDeny({ ...approval, state: 'approved' })).toMatch(/approved/);
  });
});
