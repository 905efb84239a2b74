import type { Json } from '@/api/types';
import { isObject, sameJson } from './canonical';

export type DiffKind = 'same' | 'changed' | 'added' | 'removed';

/** One leaf of two JSON values, compared. `path` is written as in `process.state` or `versions[0].version`. */
export interface DiffLine {
  path: string;
  kind: DiffKind;
  before?: Json;
  after?: Json;
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

function walk(path: string, before: Json | undefined, after: Json | undefined, out: DiffLine[]) {
  if (isObject(before) && isObject(after)) {
    const names = [...Object.keys(before), ...Object.keys(after).filter((n) => !(n in before))];
    for (const name of names) walk(join(path, name), before[name], after[name], out);
    return;
  }
  if (Array.isArray(before) && Array.isArray(after)) {
    const simple = [...before, ...after].every((item) => typeof item !== 'object' || item === null);
    if (!simple) {
      const length = Math.max(before.length, after.length);
      for (let i = 0; i < length; i += 1) walk(`${path}[${i}]`, before[i], after[i], out);
      return;
    }
  }
  if (before === undefined && after === undefined) return;
  if (before === undefined) out.push({ path, kind: 'added', after });
  else if (after === undefined) out.push({ path, kind: 'removed', before });
  else if (sameJson(before, after)) out.push({ path, kind: 'same', before, after });
  else out.push({ path, kind: 'changed', before, after });
}

/** Compares two JSON values leaf by leaf, in the order of `before` and then of what is new. */
export function diffJson(before: Json | undefined, after: Json | undefined): DiffLine[] {
  const out: DiffLine[] = [];
  walk('', before ?? undefined, after ?? undefined, out);
  return out;
}

/** A leaf as one line of text. */
export function showJson(value: Json | undefined): string {
  if (value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
