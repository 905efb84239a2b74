import { describe, expect, it } from 'vitest';
import { phasesOf } from './phases';

const T0 = Date.parse('2026-03-01T10:00:00Z');
const at = (seconds: number) => new Date(T0 + seconds * 1000).toISOString();
const statuses = (state: string, timeline: { at: string; state: string }[]) =>
  phasesOf(state, timeline, T0 + 60_000).map((view) => view.status);

describe('phasesOf', () => {
  it('shows a fresh run as sensing', () => {
    expect(statuses('sensing', [{ at: at(0), state: 'sensing' }])).toEqual([
      'active',
      'not_reached',
      'not_reached',
      'not_reached',
      'not_reached',
    ]);
  });

  it('shows waiting for a person as a wait in Govern', () => {
    const timeline = [
      { at: at(0), state: 'sensing' },
      { at: at(1), state: 'planning' },
      { at: at(2), state: 'governing' },
      { at: at(3), state: 'waiting' },
    ];
    expect(statuses('waiting', timeline).slice(0, 4)).toEqual([
      'done',
      'done',
      'waiting',
      'not_reached',
    ]);
    expect(phasesOf('waiting', timeline, T0 + 60_000)[2]?.spent).toBe(58_000);
  });

  it('shows a completed run as done throughout, with the time of each phase', () => {
    const timeline = ['sensing', 'planning', 'governing', 'acting', 'verifying', 'completed'].map(
      (state, index) => ({ at: at(index), state }),
    );
    const views = phasesOf('completed', timeline, T0 + 60_000);
    expect(views.map((view) => view.status)).toEqual(['done', 'done', 'done', 'done', 'done']);
    expect(views.map((view) => view.spent)).toEqual([1000, 1000, 1000, 1000, 1000]);
  });

  it('stops at the phase in which a run was blocked', () => {
    const timeline = ['sensing', 'planning', 'governing', 'blocked'].map((state, index) => ({
      at: at(index),
      state,
    }));
    expect(statuses('blocked', timeline)).toEqual([
      'done',
      'done',
      'stopped',
      'not_reached',
      'not_reached',
    ]);
  });

  it('counts a phase once more when a run plans again', () => {
    const timeline = ['sensing', 'planning', 'acting', 'planning'].map((state, index) => ({
      at: at(index),
      state,
    }));
    expect(phasesOf('planning', timeline, T0 + 10_000)[1]).toMatchObject({
      status: 'active',
      spent: 8000,
    });
  });
});
