import type { Json, JsonObject, RenderedCall } from '@/api/types';
import { fromBase64, sha256Hex } from './bytes';
import { canonical, isObject, sameJson } from './canonical';
import { requestSha256 } from './request-hash';

/** What is shown to the approver, to be compared with the hashed bytes. */
export interface Shown {
  planHash: string;
  planId: string;
  agent: string;
  step: string;
  tool: string;
  resource: string | null;
  effect: string;
  params: JsonObject;
  request: RenderedCall | null;
  bounds: JsonObject;
}

/** One step as the hashed plan has it. */
export interface PlanStep {
  id: string;
  tool: string;
  effect: string;
  verdict: string;
  params: JsonObject;
}

export type PlanCheck =
  | { result: 'good'; hash: string; steps: PlanStep[] }
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

function stepsOf(plan: JsonObject): JsonObject[] {
  return Array.isArray(plan.steps) ? plan.steps.filter(isObject) : [];
}

function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

function planStep(step: JsonObject): PlanStep {
  return {
    id: text(step.id),
    tool: text(step.tool),
    effect: text(step.effect),
    verdict: text(step.verdict),
    params: isObject(step.params) ? step.params : {},
  };
}

/** A rendered call as JSON, with an absent body as null. */
function whole(request: RenderedCall | null): Json {
  if (request === null) return null;
  return {
    upstream: request.upstream,
    method: request.method,
    path: request.path,
    query: request.query,
    headers: request.headers,
    body: request.body ?? null,
  };
}

/** The first thing on the screen that is not what the plan says, or `null`. */
async function firstDifference(
  plan: JsonObject,
  step: JsonObject,
  shown: Shown,
): Promise<string | null> {
  if (plan.plan_id !== shown.planId) return 'it is the hash of another plan';
  if (plan.agent !== shown.agent) return 'the agent shown is not the one in the hashed plan';
  if (step.tool !== shown.tool) return 'the tool shown is not the one in the hashed plan';
  if ((step.resource ?? null) !== shown.resource) {
    return 'the resource shown is not the one in the hashed plan';
  }
  if (step.effect !== shown.effect) return 'the effect shown is not the one in the hashed plan';
  if (!sameJson(step.params, shown.params)) {
    return 'the parameters shown are not those in the hashed plan';
  }
  if (!sameJson(step.bounds ?? {}, shown.bounds)) {
    return 'the bounds shown are not those in the hashed plan';
  }
  const params = new TextEncoder().encode(canonical(shown.params));
  if ((await sha256Hex(params)) !== step.params_sha256) {
    return 'the parameters do not hash to the value in the plan';
  }
  const request = isObject(step.request) ? step.request : null;
  if (!sameJson(request, whole(shown.request))) {
    return 'the request shown is not the one in the hashed plan';
  }
  const hash = shown.request === null ? null : await requestSha256(shown.request);
  if (hash !== (step.request_sha256 ?? null)) {
    return 'the request does not hash to the value in the plan';
  }
  return null;
}

/**
 * Recomputes the plan hash from the very bytes that were hashed, and checks that what is on the screen
 * is what stands in them. Anything but `good` means that nobody should approve from this page.
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
  const step = plan && stepsOf(plan).find((item) => item.id === shown.step);
  if (!plan || !step) return different('the step is not in the hashed plan');
  const difference = await firstDifference(plan, step, shown);
  if (difference !== null) return different(difference);
  return { result: 'good', hash, steps: stepsOf(plan).map(planStep) };
}
