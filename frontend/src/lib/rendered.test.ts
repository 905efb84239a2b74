import { describe, expect, it } from 'vitest';
import type { Json } from '@/api/types';
import { readRenderedCall } from './rendered';

describe('readRenderedCall', () => {
  it('fills in what may be absent', () => {
    expect(readRenderedCall({ upstream: 'cloud', method: 'GET', path: '/v1/services' })).toEqual({
      upstream: 'cloud',
      method: 'GET',
      path: '/v1/services',
      query: [],
      headers: {},
      body: null,
    });
  });

  it('keeps query, headers and body', () => {
    const call = {
      upstream: 'cloud',
      method: 'POST',
      path: '/x',
      query: [['a', 'b']],
      headers: { 'x-a': '1' },
      body: { n: 1 },
    };
    expect(readRenderedCall(call)).toEqual(call);
  });

  const none: Json[] = [null, 1, 'x', [], {}, { upstream: 'cloud', method: 'GET' }];
  it.each(none)('%j is none', (value) => {
    expect(readRenderedCall(value)).toBeNull();
  });
});
