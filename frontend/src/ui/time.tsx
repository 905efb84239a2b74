import { useDisplay } from '@/lib/display';
import { useNow } from '@/lib/now';
import { countdown, formatTime, otherTimes } from '@/lib/time';

/** A moment, in the reader's chosen way; the title shows the other ways. */
export function Time({ at }: { at: string | null | undefined }) {
  const { clock } = useDisplay();
  const now = useNow();
  if (!at) return <span className="text-muted">unknown</span>;
  return (
    <time dateTime={at} title={otherTimes(at, clock, now)} className="whitespace-nowrap">
      {formatTime(at, clock, now)}
    </time>
  );
}

/** Time left until a moment, by the servers' clock. */
export function Countdown({ until }: { until: string }) {
  const now = useNow();
  const left = Date.parse(until) - now;
  const tone = left < 60_000 ? 'text-deny-ink' : left < 300_000 ? 'text-wait-ink' : 'text-text';
  return (
    <time
      dateTime={until}
      aria-live="off"
      className={`font-mono text-dense font-medium whitespace-nowrap ${tone}`}
    >
      {countdown(until, now)}
    </time>
  );
}
