import { describe, expect, it } from 'vitest';
import { readRecord } from './record';

describe('readRecord', () => {
  it('lists kind, time and what it is about', () => {
    const record = JSON.stringify({
      kind: 'consume',
      at: '2026-03-01T10:00:00Z',
      body: { tool: 'infra.restart', resource: 'payments', agent: 'remediator', n: 1 },
    });
    expect(readRecord(record)).toEqual({
      kind: 'consume',
      at: '2026-03-01T10:00:00Z',
      about: 'infra.restart payments remediator',
    });
  });

  it('says so when a record cannot be read', () => {
    expect(readRecord('{').kind).toBe('unreadable');
  });
});
