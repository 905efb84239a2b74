import type { Json, JsonObject } from '@/api/types';
import { fromBase64, sha256Hex } from './bytes';
import { canonical, isObject, sameJson } from './canonical';

/** What is shown to the approver, to be compared with the hashed bytes. */
export interface Shown {
  planHash: string;
  step: string;
  params: JsonObject;
}

export type PlanCheck =
  | { result: 'good'; hash: string }
  | { result: 'different'; reason: string }
  | { result: 'unavailable'; reason: string };

function different(reason: string): PlanCheck {
  return { result: 'different', reason };
}

function readPlan(bytes: Uint8Array<ArrayBuffer>): JsonObject | null {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

function findStep(plan: JsonObject, id: string): JsonObject | null {
  const steps: Json[] = Array.isArray(plan.steps) ? plan.steps : [];
  for (const step of steps) if (isObject(step) && (step.id === id || step.step === id)) return step;
  return null;
}

/**
 * Recomputes the plan hash from the very bytes that were hashed, and checks that the parameters on the
 * screen are the ones inside them. Anything but `good` means that nobody should approve from this page.
 */
export async function checkPlan(
  planBytes: string | null | undefined,
  shown: Shown,
): Promise<PlanCheck> {
  if (!planBytes) return { result: 'unavailable', reason: 'the plan’s bytes were not sent' };
  const bytes = fromBase64(planBytes);
  if (!bytes) return different('the plan’s bytes are not readable');
  const hash = await sha256Hex(bytes);
  if (hash === null) {
    return {
      result: 'unavailable',
      reason:
        'this browser offers no cryptography here; open the console on localhost or over HTTPS',
    };
  }
  if (hash !== shown.planHash) return different('the plan’s bytes hash to another value');
  const plan = readPlan(bytes);
  const step = plan && findStep(plan, shown.step);
  if (!step) return different('the step is not in the hashed plan');
  if (step.params !== undefined && !sameJson(step.params, shown.params)) {
    return different('the parameters shown are not those in the hashed plan');
  }
  if (typeof step.params_sha256 === 'string') {
    const text = new TextEncoder().encode(canonical(shown.params));
    if ((await sha256Hex(text)) !== step.params_sha256) {
      return different('the parameters shown do not hash to the value in the plan');
    }
  } else if (step.params === undefined) {
    return different('the hashed plan does not bind the step’s parameters');
  }
  return { result: 'good', hash };
}
