import { describe, expect, it } from 'vitest';
import { runEnded, runLook, stateLook } from './states';

describe('stateLook', () => {
  it('never shows an unknown state as success', () => {
    expect(stateLook('run', 'sparkling')).toEqual({ tone: 'none', word: 'sparkling' });
    expect(stateLook('verdict', undefined)).toEqual({ tone: 'none', word: 'unknown' });
    expect(stateLook('step', 'constructor')).toEqual({ tone: 'none', word: 'constructor' });
  });

  it('shows doubt as doubt', () => {
    expect(stateLook('call', 'in_doubt').tone).toBe('error');
    expect(stateLook('verdict', 'needs_approval').tone).toBe('wait');
  });
});

describe('runLook', () => {
  it('is green only when every step is done and no check failed', () => {
    expect(runLook('completed', [{ state: 'done', check: { passed: true } }]).tone).toBe('allow');
    expect(runLook('completed', [{ state: 'failed' }]).tone).toBe('error');
    expect(runLook('completed', [{ state: 'done', check: { passed: false } }]).tone).toBe('error');
    expect(runLook('failed', []).tone).toBe('error');
  });
});

describe('runEnded', () => {
  it('tells ended runs from those under way', () => {
    expect(runEnded('completed')).toBe(true);
    expect(runEnded('waiting')).toBe(false);
  });
});
