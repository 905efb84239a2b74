import type { TimelineEntry } from '@/api/types';
import { stateLook } from '@/lib/states';
import { Card } from '@/ui/card';
import { LongText } from '@/ui/quote';
import { ToneIcon } from '@/ui/state-badge';
import { Time } from '@/ui/time';

/** What happened, in order. */
export function Log({ timeline }: { timeline: TimelineEntry[] }) {
  if (timeline.length === 0) return null;
  return (
    <Card title="Timeline" padding="flush">
      <ol className="divide-y divide-line">
        {timeline.map((entry, index) => {
          const look = stateLook('run', entry.state);
          const past = index < timeline.length - 1 && look.tone === 'active';
          return (
            <li
              // biome-ignore lint/suspicious/noArrayIndexKey: entries are only ever appended, and may repeat.
              key={index}
              className="grid grid-cols-[auto_minmax(0,1fr)_auto] items-baseline gap-x-3 px-4 py-1.5 text-dense"
            >
              <span className="inline-flex w-28 items-center gap-1.5 text-muted sm:w-40">
                <ToneIcon tone={past ? 'none' : look.tone} size={13} />
                {look.word}
              </span>
              <span className="break-words">
                <LongText text={entry.message} />
              </span>
              <span className="text-note text-muted">
                <Time at={entry.at} />
              </span>
            </li>
          );
        })}
      </ol>
    </Card>
  );
}
