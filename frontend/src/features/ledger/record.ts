import type { Json } from '@/api/types';
import { isObject } from '@/lib/canonical';
import { escapeText } from '@/lib/escape';

/** The line under which a record is listed. */
export interface RecordLine {
  kind: string;
  at: string | null;
  about: string;
}

const ABOUT = [
  'tool',
  'resource',
  'verdict',
  'decision',
  'outcome',
  'code',
  'agent',
  'scope',
  'goal',
];

/** Reads what a list shows of a record; the record itself is shown as stored. */
export function readRecord(record: string): RecordLine {
  let value: unknown = null;
  try {
    value = JSON.parse(record);
  } catch {
    value = null;
  }
  if (!isObject(value)) return { kind: 'unreadable', at: null, about: '' };
  const body: { [key: string]: Json } = isObject(value.body) ? value.body : {};
  const about = ABOUT.map((name) => body[name]).filter((item) => typeof item === 'string');
  return {
    kind: typeof value.kind === 'string' ? escapeText(value.kind) : 'unknown',
    at: typeof value.at === 'string' ? value.at : null,
    about: escapeText(about.join(' ')).slice(0, 160),
  };
}
