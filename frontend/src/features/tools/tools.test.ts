import { describe, expect, it } from 'vitest';
import { byNamespace, parametersOf, resourceText } from './tools';

describe('byNamespace', () => {
  it('groups by the part before the dot, in order', () => {
    const tool = (name: string) => ({
      name,
      description: '',
      effect: 'read' as const,
      upstream: 'cloud',
      resource: {},
      params: {},
      request: {},
      untrusted_output: false,
      definition_sha256: 'aa',
    });
    const groups = byNamespace([tool('infra.scale'), tool('alert.list'), tool('infra.get')]);
    expect(groups.map(([name, list]) => [name, list.map((item) => item.name)])).toEqual([
      ['alert', ['alert.list']],
      ['infra', ['infra.get', 'infra.scale']],
    ]);
  });
});

describe('parametersOf', () => {
  it('reads names, kinds, limits and which are required', () => {
    expect(
      parametersOf({
        required: ['replicas'],
        properties: {
          replicas: { type: 'integer', minimum: 0, maximum: 100 },
          env: { enum: ['a', 'b'] },
        },
      }),
    ).toEqual([
      { name: 'replicas', required: true, kind: 'integer', limits: 'minimum 0, maximum 100' },
      { name: 'env', required: false, kind: 'any', limits: 'one of "a", "b"' },
    ]);
    expect(parametersOf(null)).toEqual([]);
  });
});

describe('resourceText', () => {
  it('says what names the resource', () => {
    expect(resourceText({ type: 'Service', param: 'service_id' })).toBe(
      'Service, named by service_id',
    );
    expect(resourceText('Service')).toBe('Service');
    expect(resourceText(null)).toBeNull();
  });
});
