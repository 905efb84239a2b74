import { answered, authority, planner, simulator } from './client';
import type { FaultRequest, RunRequest } from './types';

export function startRun(run: RunRequest) {
  return answered(planner.POST('/v1/runs', { body: run }));
}

export function cancelRun(run: string) {
  return answered(planner.POST('/v1/runs/{run_id}/cancel', { params: { path: { run_id: run } } }));
}

export interface Decision {
  decision: 'approve' | 'deny';
  plan_hash: string;
  reason: string;
}

export function decide(approval: string, decision: Decision) {
  return answered(
    authority.POST('/v1/approvals/{approval_id}/decision', {
      params: { path: { approval_id: approval } },
      body: decision,
    }),
  );
}

export function injectFault(fault: FaultRequest) {
  return answered(simulator.POST('/v1/faults', { body: fault }));
}

export function clearFault(id: string) {
  return answered(
    simulator.DELETE('/v1/faults/{fault_id}', { params: { path: { fault_id: id } } }),
  );
}
