/** An entry with its place in a log that has no gaps. */
interface Indexed {
  index: number;
}

/** Reads at most `limit` entries after index `after`, in order; from the first when `after` is -1. */
export type ReadAfter<T> = (after: number, limit: number) => Promise<T[]>;

const PAGE = 1000;

/** The end of a log that can only be read forwards: how many entries there are, and the last ones. */
export interface Newest<T> {
  size: number;
  entries: T[];
}

/** The highest index of which it is known that it exists, found by doubling and then halving. */
async function lastIndex<T extends Indexed>(read: ReadAfter<T>, known: number): Promise<number> {
  let low = known;
  let step = PAGE;
  let high = low + step;
  for (;;) {
    const [found] = await read(high - 1, 1);
    if (!found) break;
    low = found.index;
    step *= 2;
    high = low + step;
  }
  while (high - low > PAGE) {
    const middle = Math.floor((low + high) / 2);
    const [found] = await read(middle - 1, 1);
    if (found) low = found.index;
    else high = middle;
  }
  const rest = await read(low, PAGE);
  return rest.at(-1)?.index ?? low;
}

/** Reads the newest page. `known` is an index seen before, or -1; a good one saves requests. */
export async function readNewest<T extends Indexed>(
  read: ReadAfter<T>,
  known: number,
): Promise<Newest<T>> {
  const entries = await read(Math.max(-1, known - PAGE / 2), PAGE);
  const last = entries.at(-1);
  if (!last) return { size: 0, entries: [] };
  if (entries.length < PAGE) return { size: last.index + 1, entries };
  const end = await lastIndex(read, last.index);
  return { size: end + 1, entries: await read(Math.max(-1, end - PAGE), PAGE) };
}
