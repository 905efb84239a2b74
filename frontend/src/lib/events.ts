import type { Json } from '@/api/types';
import { isObject } from './canonical';

export const EVENT_NAMES = ['upsert', 'remove', 'snapshot_end', 'ping', 'reset'] as const;
export type EventName = (typeof EVENT_NAMES)[number];

/** One change, as the merged stream tells it. */
export interface LiveEvent {
  name: EventName;
  service: string | null;
  topic: string | null;
  id: string | null;
  item: Json | undefined;
  /** The server's time, where the event carries it. */
  time: string | null;
}

function text(value: Json | undefined): string | null {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' ? value : null;
}

/** Reads the data of an event; a body that is no JSON object still counts as a sign of life. */
export function readEvent(name: EventName, data: string): LiveEvent {
  let value: unknown = null;
  try {
    value = JSON.parse(data);
  } catch {
    value = null;
  }
  const body = isObject(value) ? value : {};
  return {
    name,
    service: text(body.service),
    topic: text(body.topic),
    id: text(body.id),
    item: body.item,
    time: text(body.time) ?? text(body.at) ?? text(body.now),
  };
}

/** Which cached answers a topic makes stale. */
const STALE: Record<string, readonly string[]> = {
  plan: ['runs', 'approvals'],
  approval: ['approvals'],
  control: ['control'],
  bundle: ['policies', 'tools', 'agents'],
  call: ['calls', 'ledger'],
  refusal: ['refusals', 'ledger'],
  run: ['runs'],
  service: ['world'],
  alert: ['world'],
  fault: ['world'],
  database: ['world'],
};

const WORLD_LISTS: Record<string, string> = {
  service: 'services',
  alert: 'alerts',
  fault: 'faults',
  database: 'databases',
};

/** What a batch of events asks of the cache: everything, or some keys; and pieces of the world to put in place. */
export interface Batch {
  everything: boolean;
  stale: Set<string>;
  world: LiveEvent[];
}

/** Sums up a batch. Services, alerts and faults come whole and are put in place; the rest is read again. */
export function sumUp(events: readonly LiveEvent[]): Batch {
  const batch: Batch = { everything: false, stale: new Set(), world: [] };
  for (const event of events) {
    if (event.name === 'reset') batch.everything = true;
    if (event.name !== 'upsert' && event.name !== 'remove') continue;
    const topic = event.topic ?? '';
    const complete = event.id !== null && (event.name === 'remove' || isObject(event.item));
    if (WORLD_LISTS[topic] && complete) batch.world.push(event);
    else for (const key of STALE[topic] ?? []) batch.stale.add(key);
  }
  return batch;
}

/** The world with the changes put in place. Lists keep their order, so that no row moves under a pointer. */
export function patchWorld(world: unknown, events: readonly LiveEvent[]): unknown {
  if (!isObject(world)) return world;
  const next: { [key: string]: Json } = { ...world };
  for (const event of events) {
    const list = WORLD_LISTS[event.topic ?? ''];
    if (!list) continue;
    const rows = next[list];
    const items: Json[] = Array.isArray(rows) ? rows : [];
    const at = items.findIndex((row) => isObject(row) && text(row.id ?? row.fault_id) === event.id);
    if (event.name === 'remove') next[list] = items.filter((_, index) => index !== at);
    else if (event.item !== undefined) {
      const item = event.item;
      next[list] = at < 0 ? [...items, item] : items.map((row, i) => (i === at ? item : row));
    }
  }
  return next;
}
