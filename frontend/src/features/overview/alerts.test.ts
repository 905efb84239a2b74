import { describe, expect, it } from 'vitest';
import type { Alert } from '@/api/types';
import { goalFor, groupAlerts, openAlerts } from './alerts';

const alert = (id: string, change: Partial<Alert> = {}): Alert => ({
  id,
  resource_id: 'payments',
  severity: 'warning',
  status: 'open',
  symptom: 'high_latency',
  msg: `${id} waits`,
  opened_at: '2026-03-01T10:00:00Z',
  ...change,
});

describe('openAlerts', () => {
  it('leaves resolved ones out and puts the most severe first, then the oldest', () => {
    const rows = [
      alert('late', { opened_at: '2026-03-01T11:00:00Z' }),
      alert('early'),
      alert('gone', { status: 'resolved' }),
      alert('grave', { severity: 'critical', opened_at: '2026-03-01T12:00:00Z' }),
    ];
    expect(openAlerts(rows).map((row) => row.id)).toEqual(['grave', 'early', 'late']);
  });
});

describe('groupAlerts', () => {
  it('counts those alike and keeps the others apart', () => {
    const rows = [alert('a'), alert('b'), alert('c', { resource_id: 'auth' })];
    expect(groupAlerts(rows).map((group) => [group.alert.id, group.count])).toEqual([
      ['a', 2],
      ['c', 1],
    ]);
  });
});

describe('goalFor', () => {
  it('names resource and symptom', () => {
    expect(goalFor(alert('a'))).toBe('Restore payments: high latency');
  });
});
