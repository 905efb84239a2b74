import { describe, expect, it } from 'vitest';
import { diffJson, showJson } from './diff';

describe('diffJson', () => {
  it('names the leaf that changed and keeps the rest as same', () => {
    expect(
      diffJson(
        { status: 'down', process: { state: 'exited' } },
        { status: 'up', process: { state: 'exited' } },
      ),
    ).toEqual([
      { path: 'status', kind: 'changed', before: 'down', after: 'up' },
      { path: 'process.state', kind: 'same', before: 'exited', after: 'exited' },
    ]);
  });

  it('shows added and removed members', () => {
    expect(diffJson({ a: 1 }, { b: 2 })).toEqual([
      { path: 'a', kind: 'removed', before: 1 },
      { path: 'b', kind: 'added', after: 2 },
    ]);
  });

  it('compares plain lists as one value and lists of objects by place', () => {
    expect(diffJson({ deps: ['db'] }, { deps: ['db', 'auth'] })).toEqual([
      { path: 'deps', kind: 'changed', before: ['db'], after: ['db', 'auth'] },
    ]);
    expect(diffJson({ v: [{ n: '1' }] }, { v: [{ n: '1' }, { n: '2' }] })).toEqual([
      { path: 'v[0].n', kind: 'same', before: '1', after: '1' },
      { path: 'v[1]', kind: 'added', after: { n: '2' } },
    ]);
  });

  it('treats a type change as a change, also between "4" and 4', () => {
    expect(diffJson({ n: '4' }, { n: 4 })).toEqual([
      { path: 'n', kind: 'changed', before: '4', after: 4 },
    ]);
  });

  it('handles a missing side', () => {
    expect(diffJson(undefined, { a: 1 })).toEqual([{ path: '', kind: 'added', after: { a: 1 } }]);
    expect(diffJson(undefined, undefined)).toEqual([]);
  });
});

describe('showJson', () => {
  it('prints strings bare and the rest as JSON', () => {
    expect(showJson('up')).toBe('up');
    expect(showJson(3)).toBe('3');
    expect(showJson({ a: null })).toBe('{"a":null}');
  });
});
