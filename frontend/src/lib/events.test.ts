import { describe, expect, it } from 'vitest';
import { patchWorld, readEvent, sumUp } from './events';

const upsert = (topic: string, id: string, item: object) =>
  readEvent('upsert', JSON.stringify({ service: 'simulator', topic, id, item }));

describe('readEvent', () => {
  it('reads topic, id, item and the time of a ping', () => {
    expect(upsert('service', 'db', { id: 'db' })).toMatchObject({ topic: 'service', id: 'db' });
    expect(readEvent('ping', '{"time":"2026-03-01T10:00:00Z"}').time).toBe('2026-03-01T10:00:00Z');
  });

  it('takes an unreadable body as a bare sign of life', () => {
    expect(readEvent('ping', 'pong')).toMatchObject({ name: 'ping', topic: null, time: null });
  });
});

describe('sumUp', () => {
  it('names each stale key once and keeps pieces of the world apart', () => {
    const batch = sumUp([
      upsert('approval', 'apr_1', {}),
      upsert('approval', 'apr_2', {}),
      upsert('run', 'run_1', {}),
      upsert('service', 'db', { id: 'db' }),
      readEvent('ping', '{}'),
    ]);
    expect([...batch.stale]).toEqual(['approvals', 'runs']);
    expect(batch.world).toHaveLength(1);
    expect(batch.everything).toBe(false);
  });

  it('reads everything again after a reset', () => {
    expect(sumUp([readEvent('reset', '{}')]).everything).toBe(true);
  });

  it('reads the world again when an event carries no item', () => {
    const bare = readEvent('upsert', '{"topic":"service","id":"db"}');
    expect([...sumUp([bare]).stale]).toEqual(['world']);
  });
});

describe('patchWorld', () => {
  const world = {
    services: [
      { id: 'auth', status: 'up' },
      { id: 'db', status: 'up' },
    ],
    alerts: [],
  };

  it('replaces a row in place, adds new ones at the end and drops removed ones', () => {
    const next = patchWorld(world, [
      upsert('service', 'auth', { id: 'auth', status: 'down' }),
      upsert('alert', 'a1', { id: 'a1' }),
      readEvent('remove', '{"topic":"service","id":"db"}'),
    ]);
    expect(next).toEqual({ services: [{ id: 'auth', status: 'down' }], alerts: [{ id: 'a1' }] });
    expect(world.services).toHaveLength(2);
  });

  it('leaves an absent world alone', () => {
    expect(patchWorld(undefined, [upsert('service', 'db', { id: 'db' })])).toBeUndefined();
  });
});
