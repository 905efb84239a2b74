import { describe, expect, it } from 'vitest';
import { readDisplay } from './display';

describe('readDisplay', () => {
  it('keeps what is known and replaces what is odd', () => {
    expect(readDisplay('{"theme":"dark","clock":"sundial","extra":1}')).toEqual({
      theme: 'dark',
      clock: 'local',
      shortcuts: 'on',
    });
  });

  it.each([null, 'null', '[]', '{', '7'])('falls back to the defaults for %s', (stored) => {
    expect(readDisplay(stored)).toEqual({ theme: 'system', clock: 'local', shortcuts: 'on' });
  });
});
