// @vitest-environment jsdom
import { QueryClient } from '@tanstack/react-query';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

/** An EventSource that the test drives. */
class FakeStream extends EventTarget {
  static readonly CLOSED = 2;
  static all: FakeStream[] = [];
  readyState = 0;
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;

  constructor(readonly url: string) {
    super();
    FakeStream.all.push(this);
  }

  open(): void {
    this.readyState = 1;
    this.onopen?.();
  }

  tell(name: string, data: unknown): void {
    this.dispatchEvent(new MessageEvent(name, { data: JSON.stringify(data) }));
  }

  giveUp(): void {
    this.readyState = FakeStream.CLOSED;
    this.onerror?.();
  }

  close(): void {
    this.readyState = FakeStream.CLOSED;
  }
}

async function start() {
  const live = await import('./live');
  const client = new QueryClient();
  const invalidate = vi.spyOn(client, 'invalidateQueries').mockResolvedValue();
  live.startLive(client);
  const stream = FakeStream.all.at(-1);
  if (!stream) throw new Error('no stream was opened');
  return { live, client, invalidate, stream };
}

beforeEach(() => {
  vi.resetModules();
  vi.useFakeTimers();
  FakeStream.all = [];
  vi.stubGlobal('EventSource', FakeStream);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('the live stream', () => {
  it('is one stream, and live once it opened', async () => {
    const { live, client, stream } = await start();
    expect(stream.url).toBe('/api/events');
    expect(live.streamIsLive()).toBe(false);
    stream.open();
    expect(live.streamIsLive()).toBe(true);
    live.startLive(client);
    expect(FakeStream.all).toHaveLength(1);
  });

  it('applies a batch of events after 250 ms, each key once', async () => {
    const { invalidate, client, stream } = await start();
    client.setQueryData(['world'], { services: [{ id: 'db', status: 'up' }] });
    stream.open();
    stream.tell('upsert', { topic: 'run', id: 'run_1', item: {} });
    stream.tell('upsert', { topic: 'run', id: 'run_1', item: {} });
    stream.tell('upsert', { topic: 'service', id: 'db', item: { id: 'db', status: 'down' } });
    expect(invalidate).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(250);
    expect(invalidate.mock.calls).toEqual([[{ queryKey: ['runs'] }]]);
    expect(client.getQueryData(['world'])).toEqual({ services: [{ id: 'db', status: 'down' }] });
  });

  it('counts as stopped after 45 s of silence, opens another, and reads everything again', async () => {
    const { live, invalidate, stream } = await start();
    stream.open();
    await vi.advanceTimersByTimeAsync(44_000);
    stream.tell('ping', {});
    await vi.advanceTimersByTimeAsync(44_000);
    expect(live.streamIsLive()).toBe(true);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(live.streamIsLive()).toBe(false);
    expect(FakeStream.all).toHaveLength(2);
    FakeStream.all[1]?.open();
    expect(live.streamIsLive()).toBe(true);
    expect(invalidate).toHaveBeenCalledWith();
  });

  it('asks about the session when the stream is refused with 401', async () => {
    vi.stubGlobal('fetch', async () => new Response('', { status: 401 }));
    const { invalidate, stream } = await start();
    stream.giveUp();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(invalidate).toHaveBeenCalledWith({ queryKey: ['session'] });
  });

  it('tries again with growing pauses when the server is away', async () => {
    vi.stubGlobal('fetch', async () => new Response('', { status: 503 }));
    const { stream } = await start();
    stream.giveUp();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(FakeStream.all).toHaveLength(2);
    FakeStream.all[1]?.giveUp();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(FakeStream.all).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(FakeStream.all).toHaveLength(3);
  });
});
