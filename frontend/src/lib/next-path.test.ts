import { describe, expect, it } from 'vitest';
import { safeNext } from './next-path';

const ORIGIN = 'http://127.0.0.1:8080';

describe('safeNext', () => {
  it('keeps path, search and fragment of this origin', () => {
    expect(safeNext('/runs/run_1?view=json#step-s2', ORIGIN)).toBe('/runs/run_1?view=json#step-s2');
  });

  it.each([
    undefined,
    '',
    'https://evil.example/',
    '//evil.example',
    '/\\evil.example',
    'javascript:alert(1)',
    '/sign-in?next=/sign-in',
  ])('turns %s into the overview', (next) => {
    expect(safeNext(next, ORIGIN)).toBe('/');
  });
});
