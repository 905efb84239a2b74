import { describe, expect, it } from 'vitest';
import { ApiError, problemFrom, problemLine, toProblem } from './problem';

describe('problemFrom', () => {
  it('takes title, detail, code, reasons and policies from a problem document', () => {
    const problem = problemFrom(
      403,
      {
        type: 'https://countersign.dev/problems/denied',
        title: 'Denied by policy',
        detail: 'agents may not touch identities',
        code: 'denied',
        request_id: 'req-1',
        reasons: [{ code: 'forbidden', message: 'agents may not touch identities' }],
        policies: ['no-identity'],
      },
      null,
    );
    expect(problem).toMatchObject({
      kind: 'denied',
      title: 'Denied by policy',
      code: 'denied',
      requestId: 'req-1',
      reasons: ['agents may not touch identities'],
      policies: ['no-identity'],
    });
  });

  it.each([
    [401, 'signed_out', 'http_401'],
    [403, 'denied', 'http_403'],
    [404, 'not_found', 'http_404'],
    [409, 'conflict', 'http_409'],
    [503, 'unreachable', 'http_503'],
    [500, 'error', 'http_500'],
    [0, 'unreachable', 'unreachable'],
  ] as const)('names status %i without a document', (status, kind, code) => {
    const problem = problemFrom(status, null, 'req-9');
    expect(problem.kind).toBe(kind);
    expect(problem.code).toBe(code);
    expect(problem.title).not.toBe('');
    expect(problem.advice).not.toBe('');
    expect(problem.requestId).toBe('req-9');
  });

  it('is not confused by a body of another shape', () => {
    expect(problemFrom(500, [1, 2], null).title).toBe('The request failed');
    expect(problemFrom(422, { title: 7, reasons: 'x', policies: 'y' }, null)).toMatchObject({
      title: 'The request failed',
      reasons: [],
      policies: [],
    });
  });
});

describe('toProblem', () => {
  it('passes the problem of an API error through', () => {
    const problem = problemFrom(409, { title: 'Plan changed' }, null);
    expect(toProblem(new ApiError(problem))).toBe(problem);
  });

  it('reads a failed fetch as unreachable', () => {
    expect(toProblem(new TypeError('Failed to fetch')).kind).toBe('unreachable');
  });

  it('keeps the message of anything else', () => {
    expect(toProblem(new Error('boom'))).toMatchObject({ code: 'console_error', detail: 'boom' });
    expect(problemLine('odd')).toContain('odd');
  });
});
