import type { ApprovalView } from '@/api/types';

/** An approval for tests. */
export const SAMPLE: ApprovalView = {
  approval_id: 'apr_1',
  plan_id: 'pln_1',
  step: 's1',
  plan_hash: 'aa',
  state: 'pending',
  tool: 'infra.scale',
  effect: 'service',
  resource: 'Service::"payments"',
  params: {},
  reasons: [],
  policies: [],
  rule: [],
  given: [],
  agent: 'remediator',
  goal: 'be ready',
  signature_required: false,
  tainted: false,
  can_decide: true,
  created_at: '2026-03-01T10:00:00Z',
  expires_at: '2026-03-01T10:15:00Z',
};
