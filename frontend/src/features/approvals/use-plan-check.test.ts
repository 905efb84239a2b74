import { describe, expect, it } from 'vitest';
import { SAMPLE as approval } from './sample';
import { whyNotApprove, whyNotDeny } from './use-plan-check';

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
    expect(whyNotApprove({ ...approval, state: 'expired' as const }, good)).toMatch(/expired/);
    expect(whyNotApprove({ ...approval, signature_required: true }, good)).toMatch(/signing key/);
    const own = { ...approval, can_decide: false, why_not: 'you asked for this run' };
    expect(whyNotApprove(own, good)).toBe('you asked for this run');
    expect(whyNotDeny(own)).toBe('you asked for this run');
  });
});

describe('whyNotDeny', () => {
  it('does not depend on the hash or on a signing key', () => {
    expect(whyNotDeny({ ...approval, signature_required: true })).toBeNull();
    expect(whyNotDeny({ ...approval, state: 'approved' as const })).toMatch(/approved/);
  });
});
