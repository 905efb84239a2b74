import { useQuery } from '@tanstack/react-query';
import type { ApprovalView } from '@/api/types';
import { checkPlan, type PlanCheck } from '@/lib/plan-hash';

/** Recomputes the plan hash for what is on the screen; `undefined` while that takes. */
export function usePlanCheck(approval: ApprovalView): PlanCheck | undefined {
  const shown = {
    planHash: approval.plan_hash,
    planId: approval.plan_id,
    agent: approval.agent,
    step: approval.step,
    tool: approval.tool,
    effect: approval.effect,
    params: approval.params,
    request: approval.request ?? null,
    resource: approval.resource ?? null,
    bounds: approval.bounds ?? {},
  };
  return useQuery({
    queryKey: ['plan-check', approval.approval_id, approval.plan_bytes, shown],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: () => checkPlan(approval.plan_bytes, shown),
  }).data;
}

/** Why nobody may approve from this page, or `null`. The services decide again in any case. */
export function whyNotApprove(approval: ApprovalView, check: PlanCheck | undefined): string | null {
  if (approval.state !== 'pending') return `This approval is ${approval.state}.`;
  if (check === undefined) return 'The plan hash is being recomputed.';
  if (check.result !== 'good') return `Plan hash not confirmed: ${check.reason}.`;
  if (approval.can_decide === false) return approval.why_not ?? 'You may not decide this one.';
  if (approval.signature_required) {
    return 'It needs the approver’s signing key, which is not in this browser.';
  }
  return null;
}

/** Why nobody may deny from this page, or `null`. */
export function whyNotDeny(approval: ApprovalView): string | null {
  if (approval.state !== 'pending') return `This approval is ${approval.state}.`;
  if (approval.can_decide === false) return approval.why_not ?? 'You may not decide this one.';
  return null;
}
