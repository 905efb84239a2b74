import type { Json, JsonObject } from '@/api/types';
import { isObject } from '@/lib/canonical';
import { showJson } from '@/lib/diff';
import { LongText } from './quote';

/** Parameters as name and exact value; strings keep their quotes, so that `"4"` is not 4. */
export function Params({ params }: { params: JsonObject }) {
  const entries = Object.entries(params);
  if (entries.length === 0) return <span className="text-muted">none</span>;
  return (
    <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-0.5 font-mono text-dense">
      {entries.map(([name, value]) => (
        <div key={name} className="contents">
          <dt className="text-muted">
            <LongText text={name} />
          </dt>
          <dd className="break-words whitespace-pre-wrap">
            <LongText text={JSON.stringify(value, null, isObject(value) ? 2 : 0)} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** Any JSON, indented, escaped. */
export function JsonBlock({ value, label }: { value: Json | undefined; label: string }) {
  const text = typeof value === 'string' ? showJson(value) : JSON.stringify(value ?? null, null, 2);
  return (
    <section
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard.
      tabIndex={0}
      aria-label={label}
      className="max-h-96 overflow-auto rounded-md bg-sunken p-3 font-mono text-dense break-words whitespace-pre-wrap"
    >
      <LongText text={text} />
    </section>
  );
}
