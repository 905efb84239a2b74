import type { Json, RenderedCall } from '@/api/types';
import { isObject } from './canonical';

function strings(value: Json | undefined): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

/** Reads a rendered call from JSON of unknown shape; `null` if it is none. */
export function readRenderedCall(value: Json | undefined): RenderedCall | null {
  if (!isObject(value)) return null;
  const { upstream, method, path, query, headers, body } = value;
  if (typeof upstream !== 'string' || typeof method !== 'string' || typeof path !== 'string') {
    return null;
  }
  const fields = isObject(headers) ? Object.entries(headers) : [];
  return {
    upstream,
    method,
    path,
    query: Array.isArray(query) ? query.map(strings) : [],
    headers: Object.fromEntries(fields.map(([name, text]) => [name, String(text)])),
    body: body ?? null,
  };
}
