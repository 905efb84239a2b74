import { describe, expect, it } from 'vitest';
import { resourceId } from './resource';

describe('resourceId', () => {
  it.each([
    ['Service::"payments"', 'payments'],
    ['Cloud::Database::"prod_db"', 'prod_db'],
    ['payments', 'payments'],
    ['Service::"a\\"b"', 'a"b'],
    ['Service::"a\\x"', 'Service::"a\\x"'],
    ['Service::payments', 'Service::payments'],
  ])('%s is %s', (resource, id) => {
    expect(resourceId(resource)).toBe(id);
  });
});
