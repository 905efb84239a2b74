/** A piece of foreign text: shown as it is, or as the visible spelling of characters that would mislead. */
export interface Segment {
  text: string;
  escaped: boolean;
}

// Controls, format characters (bidi, zero-width, tags), odd spaces, separators, private use and unassigned.
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}\p{Cs}\u115f\u1160\u3164\uffa0]/u;
const ODD_SPACE = /\p{Zs}/u;
const MARK = /\p{M}/u;
// Scripts and blocks whose letters can be mistaken for ASCII ones.
const LOOK_ALIKE =
  /[\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Armenian}\p{Script=Cherokee}\p{Script=Coptic}\p{Script=Lisu}\p{Script=Deseret}\u0131\u0237\u01c0-\u01c3\u0250-\u02af\u02b0-\u02ff\u1d00-\u1dbf\u2010-\u2012\u2015\u2024\u2044\u2100-\u214f\u2160-\u2188\u2212\u2215\u2236\u2768-\u2775\ua731\ua789\uff01-\uff5e\u{1d400}-\u{1d7ff}\u{1f100}-\u{1f1ff}]/u;

function misleads(char: string): boolean {
  if (char === '\n' || char === ' ') return false;
  return INVISIBLE.test(char) || ODD_SPACE.test(char) || MARK.test(char) || LOOK_ALIKE.test(char);
}

function spell(char: string): string {
  const point = char.codePointAt(0) ?? 0;
  const hex = point.toString(16);
  return point > 0xffff ? `\\u{${hex}}` : `\\u${hex.padStart(4, '0')}`;
}

/** Splits `text` so that bidi, zero-width, control and look-alike characters can be shown as `\u202e`. */
export function escapeSegments(text: string): Segment[] {
  const segments: Segment[] = [];
  for (const char of text) {
    const escaped = misleads(char);
    const shown = escaped ? spell(char) : char;
    const last = segments.at(-1);
    if (last && last.escaped === escaped) last.text += shown;
    else segments.push({ text: shown, escaped });
  }
  return segments;
}

/** The same as one string, for places that can hold text only (titles, copies, prompts). */
export function escapeText(text: string): string {
  return escapeSegments(text)
    .map((segment) => segment.text)
    .join('');
}
