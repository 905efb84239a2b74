import { createStore, useStore } from './store';

// The difference between the servers' clock and this browser's, learnt from pings.
let offset = 0;
const ticking = createStore(Date.now());
let timer: ReturnType<typeof setInterval> | null = null;
let readers = 0;

/** Takes note of a server time just received. Differences below a second are network, not clocks. */
export function learnServerTime(iso: string): void {
  const at = Date.parse(iso);
  if (Number.isNaN(at)) return;
  const difference = at - Date.now();
  offset = Math.abs(difference) < 1000 ? 0 : difference;
}

/** The present by the servers' clock, in milliseconds. */
export function serverNow(): number {
  return Date.now() + offset;
}

function subscribe(listener: () => void): () => void {
  readers += 1;
  timer ??= setInterval(() => ticking.set(serverNow()), 1000);
  const stop = ticking.subscribe(listener);
  return () => {
    stop();
    readers -= 1;
    if (readers === 0 && timer !== null) {
      clearInterval(timer);
      timer = null;
    }
  };
}

const seconds = {
  ...ticking,
  get: () => {
    // A reader that mounts after a pause must not see the time of the last tick.
    if (readers === 0) ticking.set(serverNow());
    return ticking.get();
  },
  subscribe,
};

/** The present, renewed each second for as long as somebody reads it. */
export function useNow(): number {
  return useStore(seconds);
}
