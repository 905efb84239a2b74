import { describe, expect, it } from 'vitest';
import { escapeSegments, escapeText } from './escape';

describe('escapeText', () => {
  it('leaves plain text, line feeds and accented Latin letters alone', () => {
    expect(escapeText('Restart payments\nnow, Zoë — “please”')).toBe(
      'Restart payments\nnow, Zoë — “please”',
    );
  });

  it.each([
    ['right-to-left override', 'a\u202eb', 'a\\u202eb'],
    ['zero-width space', 'pay\u200bments', 'pay\\u200bments'],
    ['tag characters', 'x\u{e0041}', 'x\\u{e0041}'],
    ['carriage return', 'a\rb', 'a\\u000db'],
    ['no-break space', 'a\u00a0b', 'a\\u00a0b'],
    ['Cyrillic look-alike', 'p\u0430yments', 'p\\u0430yments'],
    ['Greek look-alike', '\u03bfk', '\\u03bfk'],
    ['full-width letter', '\uff41bc', '\\uff41bc'],
    ['mathematical letter', '\u{1d41a}', '\\u{1d41a}'],
    ['combining mark', 'a\u0301', 'a\\u0301'],
    ['lone surrogate', 'a\ud800', 'a\\ud800'],
  ])('spells out a %s', (_name, input, output) => {
    expect(escapeText(input)).toBe(output);
  });

  it('marks which pieces were escaped, and joins neighbours', () => {
    expect(escapeSegments('ab\u200b\u200bcd')).toEqual([
      { text: 'ab', escaped: false },
      { text: '\\u200b\\u200b', escaped: true },
      { text: 'cd', escaped: false },
    ]);
  });

  it('does not touch markup: it stays text', () => {
    expect(escapeText('<img src=x onerror=alert(1)>')).toBe('<img src=x onerror=alert(1)>');
  });
});
