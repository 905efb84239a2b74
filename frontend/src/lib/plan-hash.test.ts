import { describe, expect, it, vi } from 'vitest';
import type { JsonObject } from '@/api/types';
import { sha256Hex, toHex } from './bytes';
import { canonical } from './canonical';
import { checkPlan } from './plan-hash';

const params = { service_id: 'payments', replicas: 12 };

function encode(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

async function sealed(plan: JsonObject): Promise<{ bytes: string; hash: string }> {
  const text = canonical(plan);
  const hash = await sha256Hex(new TextEncoder().encode(text));
  return { bytes: encode(text), hash: hash ?? '' };
}

async function paramsHash(): Promise<string> {
  return (await sha256Hex(new TextEncoder().encode(canonical(params)))) ?? '';
}

describe('checkPlan', () => {
  it('is good when hash, step and parameters agree', async () => {
    const plan = await sealed({
      steps: [{ id: 's1', tool: 'infra.scale', params, params_sha256: await paramsHash() }],
    });
    expect(await checkPlan(plan.bytes, { planHash: plan.hash, step: 's1', params })).toEqual({
      result: 'good',
      hash: plan.hash,
    });
  });

  it('is different when one byte of the plan changed', async () => {
    const plan = await sealed({ steps: [{ id: 's1', params }] });
    const bytes = encode(atob(plan.bytes).replace('12', '13'));
    const check = await checkPlan(bytes, { planHash: plan.hash, step: 's1', params });
    expect(check.result).toBe('different');
  });

  it('is different when other parameters are shown than were hashed', async () => {
    const byHash = await sealed({ steps: [{ id: 's1', params_sha256: await paramsHash() }] });
    const byValue = await sealed({ steps: [{ id: 's1', params }] });
    for (const plan of [byHash, byValue]) {
      const shown = { planHash: plan.hash, step: 's1', params: { ...params, replicas: 30 } };
      expect((await checkPlan(plan.bytes, shown)).result).toBe('different');
    }
  });

  it('is different when the step is missing or its parameters are not bound', async () => {
    const none = await sealed({ steps: [] });
    expect((await checkPlan(none.bytes, { planHash: none.hash, step: 's1', params })).result).toBe(
      'different',
    );
    const unbound = await sealed({ steps: [{ id: 's1', tool: 'infra.scale' }] });
    expect(
      (await checkPlan(unbound.bytes, { planHash: unbound.hash, step: 's1', params })).result,
    ).toBe('different');
  });

  it('is different for unreadable bytes', async () => {
    expect((await checkPlan('%%%', { planHash: '', step: 's1', params })).result).toBe('different');
  });

  it('is unavailable without bytes or without WebCrypto', async () => {
    expect((await checkPlan(null, { planHash: '', step: 's1', params })).result).toBe(
      'unavailable',
    );
    vi.stubGlobal('crypto', {});
    const check = await checkPlan('e30=', { planHash: '', step: 's1', params });
    vi.unstubAllGlobals();
    expect(check.result).toBe('unavailable');
  });
});

describe('toHex', () => {
  it('pads each byte', () => {
    expect(toHex(new Uint8Array([0, 15, 255]))).toBe('000fff');
  });
});
