import { describe, expect, it } from 'vitest';
import { toHex } from './bytes';
import { lengthPrefixed, requestSha256 } from './request-hash';

describe('lengthPrefixed', () => {
  it('writes eight bytes of length before each field', () => {
    expect(toHex(lengthPrefixed(['ab', '']))).toBe('000000000000000261620000000000000000');
  });

  it('keeps different splits apart', () => {
    expect(toHex(lengthPrefixed(['ab', 'c']))).not.toBe(toHex(lengthPrefixed(['a', 'bc'])));
  });
});

describe('requestSha256', () => {
  const call = {
    upstream: 'cloud',
    method: 'POST',
    path: '/v1/services/payments/scale',
    query: [],
    headers: {},
    body: { replicas: 12 },
  };

  it('changes with every part of the request', async () => {
    const variants = [
      call,
      { ...call, upstream: 'other' },
      { ...call, method: 'PUT' },
      { ...call, path: '/v1/services/auth/scale' },
      { ...call, query: [['a', 'b']] },
      { ...call, headers: { 'x-a': 'b' } },
      { ...call, body: { replicas: 13 } },
      { ...call, body: null },
      { ...call, body: {} },
    ];
    const hashes = await Promise.all(variants.map(requestSha256));
    expect(new Set(hashes).size).toBe(variants.length);
  });

  it('does not depend on the order of members', async () => {
    const a = await requestSha256({ ...call, body: { a: 1, b: 2 } });
    const b = await requestSha256({ ...call, body: { b: 2, a: 1 } });
    expect(a).toBe(b);
  });
});
