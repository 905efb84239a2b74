import { ApiError, problemFrom } from '@/lib/problem';
import type { ServiceName } from './types';

interface Options {
  query?: Record<string, string | number | undefined>;
  body?: unknown;
  signal?: AbortSignal;
}

function urlOf(path: string, query: Options['query']): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== '') search.set(name, String(value));
  }
  const text = search.toString();
  return text ? `${path}?${text}` : path;
}

async function readBody(response: Response): Promise<unknown> {
  const text = await response.text();
  if (text === '') return null;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** One request to the console server. Fails with an `ApiError` that carries the problem. */
export async function request<T>(method: string, path: string, options: Options = {}): Promise<T> {
  const init: RequestInit = {
    method,
    credentials: 'same-origin',
    headers: { accept: 'application/json' },
  };
  if (options.signal) init.signal = options.signal;
  if (options.body !== undefined) {
    init.headers = { accept: 'application/json', 'content-type': 'application/json' };
    init.body = JSON.stringify(options.body);
  }
  const response = await fetch(urlOf(path, options.query), init);
  const body = await readBody(response);
  if (!response.ok) {
    throw new ApiError(problemFrom(response.status, body, response.headers.get('x-request-id')));
  }
  return body as T;
}

/** The address of a service behind the console server. */
export function at(service: ServiceName, path: string): string {
  return `/api/${service}${path}`;
}
