export type Clock = 'local' | 'utc' | 'relative';

const pad = (n: number, width = 2) => String(n).padStart(width, '0');

function offsetText(date: Date): string {
  const minutes = -date.getTimezoneOffset();
  const sign = minutes < 0 ? '-' : '+';
  const total = Math.abs(minutes);
  return `${sign}${pad(Math.floor(total / 60))}:${pad(total % 60)}`;
}

function sameDay(a: Date, b: Date, clock: 'local' | 'utc'): boolean {
  return clock === 'utc'
    ? a.toISOString().slice(0, 10) === b.toISOString().slice(0, 10)
    : a.toDateString() === b.toDateString();
}

/** `2026-03-01 10:41:07 +01:00`, with the date left out when `now` is on the same day. */
function localText(date: Date, now: Date): string {
  const day = sameDay(date, now, 'local')
    ? ''
    : `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())} `;
  const time = `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
  return `${day}${time} ${offsetText(date)}`;
}

function utcText(date: Date, now: Date): string {
  const iso = date.toISOString();
  const day = sameDay(date, now, 'utc') ? '' : `${iso.slice(0, 10)} `;
  return `${day}${iso.slice(11, 19)} UTC`;
}

/** `just now`, `42 s ago`, `5 min ago`, `in 12 min`: one unit, rounded down. */
export function relativeText(at: number, now: number): string {
  const seconds = Math.floor(Math.abs(now - at) / 1000);
  if (seconds < 2) return 'just now';
  const [count, unit] =
    seconds < 60
      ? [seconds, 's']
      : seconds < 3600
        ? [Math.floor(seconds / 60), 'min']
        : seconds < 86_400
          ? [Math.floor(seconds / 3600), 'h']
          : [Math.floor(seconds / 86_400), 'd'];
  return at > now ? `in ${count} ${unit}` : `${count} ${unit} ago`;
}

/** One time in the reader's chosen way. An unreadable time is shown as it came. */
export function formatTime(iso: string, clock: Clock, now: number): string {
  const at = Date.parse(iso);
  if (Number.isNaN(at)) return iso;
  const date = new Date(at);
  const today = new Date(now);
  switch (clock) {
    case 'local':
      return localText(date, today);
    case 'utc':
      return utcText(date, today);
    case 'relative':
      return relativeText(at, now);
  }
}

/** The other two spellings, for hover and focus. */
export function otherTimes(iso: string, clock: Clock, now: number): string {
  const all: Clock[] = ['local', 'utc', 'relative'];
  return all
    .filter((other) => other !== clock)
    .map((other) => formatTime(iso, other, now))
    .join(' · ');
}

/** A length of time: `84 ms`, `1.2 s`, `2 min 05 s`, `3 h 04 min`. */
export function formatDuration(ms: number): string {
  if (ms < 0) return '0 ms';
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
  const seconds = Math.floor(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${pad(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${pad(Math.floor((seconds % 3600) / 60))} min`;
}

/** What is left until `iso`: `11:42`, `1:02:03`, or `expired`. */
export function countdown(iso: string, now: number): string {
  const left = Math.floor((Date.parse(iso) - now) / 1000);
  if (Number.isNaN(left)) return 'unknown';
  if (left <= 0) return 'expired';
  const hours = Math.floor(left / 3600);
  const minutes = Math.floor((left % 3600) / 60);
  const tail = `${pad(left % 60)}`;
  return hours > 0 ? `${hours}:${pad(minutes)}:${tail}` : `${minutes}:${tail}`;
}

/** What a screen reader hears of a countdown: only when it crosses 5 min, 1 min and 10 s. */
export function countdownAnnouncement(leftSeconds: number): string {
  if (leftSeconds <= 0) return 'This approval has expired.';
  if (leftSeconds <= 10) return 'Ten seconds left.';
  if (leftSeconds <= 60) return 'One minute left.';
  if (leftSeconds <= 300) return 'Five minutes left.';
  return '';
}
