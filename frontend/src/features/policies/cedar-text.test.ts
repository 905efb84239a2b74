import { describe, expect, it } from 'vitest';
import { lineOfPolicy, paint } from './cedar-text';

describe('paint', () => {
  it('loses no character of a line', () => {
    const line = '  @id("a") forbid (principal, action == Action::"x//y", resource); // in';
    const pieces = paint(line);
    expect(pieces.map((piece) => piece.text).join('')).toBe(line);
    expect(pieces.map((piece) => piece.kind)).toContain('annotation');
    expect(pieces.at(-1)).toMatchObject({ kind: 'comment', text: '// in' });
  });

  it('keeps slashes inside strings', () => {
    expect(paint('"a//b"')).toEqual([{ at: 0, text: '"a//b"', kind: 'string' }]);
  });
});

describe('lineOfPolicy', () => {
  it('finds the annotation or says that it is not there', () => {
    expect(lineOfPolicy('// x\n@id("scale-large")\nforbid', 'scale-large')).toBe(1);
    expect(lineOfPolicy('// x', 'scale-large')).toBeNull();
  });
});
