import type { QueryClient } from '@tanstack/react-query';
import { EVENT_NAMES, type LiveEvent, patchWorld, readEvent, sumUp } from '@/lib/events';
import { learnServerTime } from '@/lib/now';
import { createStore, useStore } from '@/lib/store';

/** Silence after which the console says that its picture is old. */
const SILENCE_MS = 45_000;
const BATCH_MS = 250;
const MAX_BACKOFF_MS = 30_000;

export interface LiveState {
  state: 'connecting' | 'live' | 'stopped';
  /** When anything was last heard, by this browser's clock. */
  heard: number;
}

const store = createStore<LiveState>({ state: 'connecting', heard: Date.now() });
let queue: LiveEvent[] = [];
let flushing = false;
let source: EventSource | null = null;
let backoff = 1000;
let retryTimer: ReturnType<typeof setTimeout> | null = null;
let cache: QueryClient | null = null;
let watching = false;
let interrupted = false;

export function streamIsLive(): boolean {
  return store.get().state === 'live';
}

export function useLive(): LiveState {
  return useStore(store);
}

function flush(): void {
  flushing = false;
  const events = queue;
  queue = [];
  if (!cache) return;
  const batch = sumUp(events);
  if (batch.everything) {
    void cache.invalidateQueries();
    return;
  }
  if (batch.world.length > 0) {
    cache.setQueryData(['world'], (world: unknown) => patchWorld(world, batch.world));
  }
  for (const key of batch.stale) void cache.invalidateQueries({ queryKey: [key] });
}

function heard(): void {
  store.set({ state: 'live', heard: Date.now() });
}

function take(event: LiveEvent): void {
  if (event.time) learnServerTime(event.time);
  heard();
  if (event.name === 'ping' || event.name === 'snapshot_end') return;
  queue.push(event);
  if (!flushing) setTimeout(flush, BATCH_MS);
  flushing = true;
}

function connect(): void {
  source?.close();
  if (retryTimer !== null) clearTimeout(retryTimer);
  retryTimer = null;
  const stream = new EventSource('/api/events');
  source = stream;
  stream.onopen = () => {
    backoff = 1000;
    heard();
    // Whatever changed while there was no stream is read once.
    if (interrupted) void cache?.invalidateQueries();
    interrupted = false;
  };
  stream.onerror = () => {
    if (source !== stream) return;
    interrupted = true;
    const now = store.get();
    if (now.state === 'live') store.set({ state: 'connecting', heard: now.heard });
    if (stream.readyState === EventSource.CLOSED) void learnWhy();
  };
  for (const name of EVENT_NAMES) {
    stream.addEventListener(name, (message: MessageEvent<string>) => {
      take(readEvent(name, message.data));
    });
  }
}

/** The browser gave up on the stream: one plain request tells whether to sign in or to wait. */
async function learnWhy(): Promise<void> {
  const stop = new AbortController();
  let status = 0;
  try {
    const response = await fetch('/api/events', { signal: stop.signal });
    status = response.status;
  } catch {
    status = 0;
  }
  stop.abort();
  if (status === 401) {
    void cache?.invalidateQueries({ queryKey: ['session'] });
    return;
  }
  retryTimer = setTimeout(connect, backoff);
  backoff = Math.min(backoff * 2, MAX_BACKOFF_MS);
}

/** Starts over at once, as the banner's button does. */
export function reconnect(): void {
  connect();
  void cache?.invalidateQueries();
}

function watch(): void {
  setInterval(() => {
    const now = store.get();
    if (now.state !== 'stopped' && Date.now() - now.heard > SILENCE_MS) {
      interrupted = true;
      store.set({ state: 'stopped', heard: now.heard });
      connect();
    }
  }, 1000);
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden && source && Date.now() - store.get().heard > 20_000) reconnect();
  });
}

/** Opens the one stream of this tab and keeps the cache current with it. */
export function startLive(client: QueryClient): void {
  cache = client;
  if (source && source.readyState !== EventSource.CLOSED) return;
  connect();
  if (!watching) watch();
  watching = true;
}

/** Closes the stream, as on signing out. */
export function stopLive(): void {
  source?.close();
  source = null;
}
