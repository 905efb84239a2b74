import { at, request } from './client';
import type { ApprovalView, Session } from './types';

export function signIn(credential: { code: string } | { key: string }): Promise<Session> {
  return request<Session>('POST', '/api/session', { body: credential });
}

export function signOut(): Promise<unknown> {
  return request('DELETE', '/api/session');
}

export interface RunRequest {
  goal: string;
  trigger?: { kind: string; alert?: string };
}

export function startRun(run: RunRequest): Promise<{ run_id: string }> {
  return request('POST', at('planner', '/v1/runs'), { body: run });
}

export function cancelRun(run: string): Promise<unknown> {
  return request('POST', at('planner', `/v1/runs/${encodeURIComponent(run)}/cancel`));
}

export interface Decision {
  decision: 'approve' | 'deny';
  plan_hash: string;
  reason: string;
}

export function decide(approval: string, decision: Decision): Promise<ApprovalView> {
  const path = `/v1/approvals/${encodeURIComponent(approval)}/decision`;
  return request<ApprovalView>('POST', at('authority', path), { body: decision });
}

export function injectFault(fault: { kind: string; target?: string }): Promise<unknown> {
  return request('POST', at('simulator', '/v1/faults'), { body: fault });
}

export function clearFault(id: string): Promise<unknown> {
  return request('DELETE', at('simulator', `/v1/faults/${encodeURIComponent(id)}`));
}
