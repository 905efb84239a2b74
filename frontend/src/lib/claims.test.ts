import { describe, expect, it } from 'vitest';
import { tokenInWords } from './claims';

describe('tokenInWords', () => {
  it('says each limit of a token', () => {
    const now = Date.parse('2026-03-01T10:40:00Z');
    const lines = tokenInWords(
      {
        sub: 'remediator',
        aud: 'prod',
        exp: Date.parse('2026-03-01T10:41:07Z') / 1000,
        authorization_details: [
          {
            type: 'tool_call',
            tool: 'infra.restart',
            params_sha256: '91ab',
            definition_sha256: 'aa',
            request_sha256: 'bb',
            use: 'once',
          },
        ],
      },
      'utc',
      now,
    );
    expect(lines).toEqual([
      'only infra.restart',
      'only exactly these parameters',
      'only this rendered request',
      'only while the tool’s definition is unchanged',
      'only for agent remediator',
      'only at enforcer prod',
      'only until 10:41:07 UTC',
      'once',
    ]);
  });

  it('says nothing about what is not there', () => {
    expect(tokenInWords({}, 'utc', 0)).toEqual([]);
  });
});
