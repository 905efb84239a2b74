import { describe, expect, it } from 'vitest';
import { readAlert, readService } from './sensed';

describe('readService', () => {
  it('reads a full answer and a brief one', () => {
    expect(
      readService({ id: 'db', status: 'up', replicas: 1, ready_replicas: 1, version: '15.6' }),
    ).toEqual({ id: 'db', status: 'up', detail: '1 of 1 ready · 15.6' });
    expect(readService({ id: 'db' })).toEqual({ id: 'db', status: null, detail: '' });
  });
});

describe('readAlert', () => {
  it('does not trust the shape of a tool’s answer', () => {
    expect(readAlert({ id: 7, msg: ['x'] })).toEqual({
      id: '?',
      resource: '?',
      severity: null,
      message: '',
    });
  });
});
