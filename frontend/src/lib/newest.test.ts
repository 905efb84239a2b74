import { describe, expect, it } from 'vitest';
import { readNewest } from './newest';

function log(size: number) {
  let requests = 0;
  const read = async (after: number, limit: number) => {
    requests += 1;
    const count = Math.max(0, Math.min(limit, size - after - 1));
    return Array.from({ length: count }, (_, i) => ({ index: after + 1 + i }));
  };
  return { read, requests: () => requests };
}

describe('readNewest', () => {
  it.each([0, 1, 999, 1000, 1001, 1999, 2000, 2001, 3000, 12_345, 1_000_000])(
    'finds the end of a log of %i',
    async (size) => {
      const { read, requests } = log(size);
      const newest = await readNewest(read, -1);
      expect(newest.size).toBe(size);
      expect(newest.entries.at(-1)?.index).toBe(size === 0 ? undefined : size - 1);
      expect(newest.entries.length).toBe(Math.min(size, 1000));
      expect(requests()).toBeLessThan(30);
    },
  );

  it('needs one request when the end was seen shortly before', async () => {
    const { read, requests } = log(50_123);
    const newest = await readNewest(read, 50_000);
    expect(newest.size).toBe(50_123);
    expect(requests()).toBe(1);
  });
});
