/** A run of characters of one kind, for colouring; it has no meaning beyond that. */
export interface Piece {
  at: number;
  text: string;
  kind: 'comment' | 'string' | 'keyword' | 'annotation' | 'plain';
}

const TOKEN =
  /(\/\/.*$)|("(?:[^"\\]|\\.)*"?)|(@[A-Za-z_]\w*)|\b(permit|forbid|when|unless|principal|action|resource|context|in|is|has|like|if|then|else|true|false)\b/g;

/** Splits one line of Cedar into coloured pieces. */
export function paint(line: string): Piece[] {
  const pieces: Piece[] = [];
  let end = 0;
  for (const match of line.matchAll(TOKEN)) {
    const at = match.index;
    if (at > end) pieces.push({ at: end, text: line.slice(end, at), kind: 'plain' });
    const kind = match[1] ? 'comment' : match[2] ? 'string' : match[3] ? 'annotation' : 'keyword';
    pieces.push({ at, text: match[0], kind });
    end = at + match[0].length;
  }
  if (end < line.length) pieces.push({ at: end, text: line.slice(end), kind: 'plain' });
  return pieces;
}

/** The line (from 0) on which the policy with this `@id` begins, or `null`. */
export function lineOfPolicy(text: string, policy: string): number | null {
  const at = text.split('\n').findIndex((line) => line.includes(`@id("${policy}")`));
  return at < 0 ? null : at;
}
