import { describe, expect, it, vi } from 'vitest';
import type { JsonObject } from '@/api/types';
import { sha256Hex, toHex } from './bytes';
import { canonical } from './canonical';
import { checkPlan, type Shown } from './plan-hash';
import { requestSha256 } from './request-hash';

const params = { service_id: 'payments', replicas: 12 };
const request = {
  upstream: 'cloud',
  method: 'POST',
  path: '/v1/services/payments/scale',
  query: [],
  headers: {},
  body: { replicas: 12 },
};

function encode(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

async function step(): Promise<JsonObject> {
  return {
    id: 's1',
    tool: 'infra.scale',
    resource: 'Service::"payments"',
    effect: 'service',
    params,
    params_sha256: await sha256Hex(new TextEncoder().encode(canonical(params))),
    request,
    request_sha256: await requestSha256(request),
    bounds: {},
  };
}

async function sealed(change: JsonObject = {}): Promise<{ bytes: string; shown: Shown }> {
  const plan = {
    plan_id: 'pln_1',
    agent: 'remediator',
    nonce: '00',
    steps: [{ ...(await step()), ...change }],
  };
  const text = canonical(plan);
  const hash = await sha256Hex(new TextEncoder().encode(text));
  const shown = {
    planHash: hash ?? '',
    planId: 'pln_1',
    agent: 'remediator',
    step: 's1',
    tool: 'infra.scale',
    resource: 'Service::"payments"',
    effect: 'service',
    params,
    request,
    bounds: {},
  };
  return { bytes: encode(text), shown };
}

describe('checkPlan', () => {
  it('is good when the hash and everything shown agree with the bytes', async () => {
    const { bytes, shown } = await sealed();
    expect(await checkPlan(bytes, shown)).toMatchObject({
      result: 'good',
      hash: shown.planHash,
      steps: [{ id: 's1', tool: 'infra.scale', effect: 'service', params }],
    });
  });

  it('takes an absent body as none', async () => {
    const bare = { upstream: 'cloud', method: 'GET', path: '/v1/services', query: [], headers: {} };
    const { bytes, shown } = await sealed({
      request: { ...bare, body: null },
      request_sha256: await requestSha256(bare),
    });
    expect((await checkPlan(bytes, { ...shown, request: bare })).result).toBe('good');
  });

  it('is different when one byte of the plan changed', async () => {
    const { bytes, shown } = await sealed();
    const changed = encode(atob(bytes).replace('"replicas":12', '"replicas":13'));
    expect((await checkPlan(changed, shown)).result).toBe('different');
  });

  it.each<[string, Partial<Shown>]>([
    ['plan', { planId: 'pln_2' }],
    ['agent', { agent: 'watcher' }],
    ['step', { step: 's2' }],
    ['tool', { tool: 'infra.shutdown' }],
    ['resource', { resource: 'Service::"auth"' }],
    ['effect', { effect: 'read' }],
    ['parameter', { params: { ...params, replicas: 30 } }],
    ['parameter type', { params: { ...params, replicas: '12' } }],
    ['request', { request: { ...request, path: '/v1/services/auth/scale' } }],
    ['missing request', { request: null }],
    ['bound', { bounds: { replicas: { maximum: 100 } } }],
  ])('is different when another %s is shown', async (_what, change) => {
    const { bytes, shown } = await sealed();
    expect((await checkPlan(bytes, { ...shown, ...change })).result).toBe('different');
  });

  it('is different when the hashes inside the plan do not fit its own values', async () => {
    const changes: JsonObject[] = [{ params_sha256: 'ab' }, { request_sha256: 'ab' }];
    for (const change of changes) {
      const { bytes, shown } = await sealed(change);
      expect((await checkPlan(bytes, shown)).result).toBe('different');
    }
  });

  it('is different for unreadable bytes', async () => {
    const { shown } = await sealed();
    expect((await checkPlan('%%%', shown)).result).toBe('different');
  });

  it('is unavailable without bytes or without WebCrypto', async () => {
    const { bytes, shown } = await sealed();
    expect((await checkPlan(null, shown)).result).toBe('unavailable');
    vi.stubGlobal('crypto', {});
    const check = await checkPlan(bytes, shown);
    vi.unstubAllGlobals();
    expect(check.result).toBe('unavailable');
  });
});

describe('toHex', () => {
  it('pads each byte', () => {
    expect(toHex(new Uint8Array([0, 15, 255]))).toBe('000fff');
  });
});
