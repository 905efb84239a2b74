import { isObject } from './canonical';

/** What a failed request is shown as. */
export interface Problem {
  kind: 'signed_out' | 'denied' | 'not_found' | 'conflict' | 'unreachable' | 'error';
  title: string;
  detail: string;
  /** What the reader can do about it. */
  advice: string;
  code: string;
  status: number;
  requestId: string | null;
  reasons: string[];
  policies: string[];
}

/** A request that did not succeed, thrown by the API client and understood by `toProblem`. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail || problem.title);
    this.problem = problem;
  }
}

const ADVICE: Record<Problem['kind'], string> = {
  signed_out: 'Sign in again; you come back to this page.',
  denied: 'Ask someone who has the missing role, or change the policy that names it.',
  not_found: 'The address may be mistyped, or what it named is no longer kept.',
  conflict: 'Something changed meanwhile. Read the page again before you decide.',
  unreachable: 'The console keeps trying. Check that the service runs: countersign doctor.',
  error: 'Try again. If it stays, give the code and the request id to an operator.',
};

function kindOf(status: number): Problem['kind'] {
  if (status === 401) return 'signed_out';
  if (status === 403) return 'denied';
  if (status === 404) return 'not_found';
  if (status === 409 || status === 412) return 'conflict';
  if (status === 0 || status === 502 || status === 503 || status === 504) return 'unreachable';
  return 'error';
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function messages(value: unknown): string[] {
  if (!Array.isArray(value)) return [];
  return value
    .map((item) => (isObject(item) ? text(item.message) || text(item.code) : text(item)))
    .filter((item) => item !== '');
}

const TITLES: Record<Problem['kind'], string> = {
  signed_out: 'You are signed out',
  denied: 'Not allowed',
  not_found: 'Not found',
  conflict: 'It changed meanwhile',
  unreachable: 'Service not reachable',
  error: 'The request failed',
};

/** Reads a problem document (RFC 9457), or whatever else a failed request answered. */
export function problemFrom(status: number, body: unknown, requestId: string | null): Problem {
  const kind = kindOf(status);
  const document = isObject(body) ? body : {};
  return {
    kind,
    title: text(document.title) || TITLES[kind],
    detail: text(document.detail) || text(document.message),
    advice: ADVICE[kind],
    code: text(document.code) || (status === 0 ? 'unreachable' : `http_${status}`),
    status,
    requestId: text(document.request_id) || text(document.instance) || requestId,
    reasons: messages(document.reasons),
    policies: Array.isArray(document.policies) ? document.policies.map(text).filter(Boolean) : [],
  };
}

/** The one place that turns anything thrown into what the reader sees. */
export function toProblem(error: unknown): Problem {
  if (error instanceof ApiError) return error.problem;
  if (error instanceof TypeError) {
    // fetch rejects with a TypeError when no answer came at all.
    return {
      ...problemFrom(0, null, null),
      detail: 'The console server did not answer.',
    };
  }
  const detail = error instanceof Error ? error.message : String(error);
  return { ...problemFrom(500, null, null), code: 'console_error', detail };
}

/** One line for toasts and alerts in forms. */
export function problemLine(error: unknown): string {
  const problem = toProblem(error);
  return problem.detail ? `${problem.title}: ${problem.detail}` : problem.title;
}
