import type { Refusal } from '@/api/types';
import { codeMeaning } from '@/lib/codes';
import { Escaped } from './quote';
import { Badge } from './state-badge';
import { Time } from './time';

/** Refused calls: code, meaning, who asked for what. */
export function RefusalList({ rows }: { rows: Refusal[] }) {
  return (
    <ul className="divide-y divide-line">
      {rows.map((row) => (
        <li
          key={row.id}
          className="grid gap-x-4 gap-y-1 px-4 py-2.5 md:grid-cols-[12.5rem_minmax(0,1fr)_auto]"
        >
          <div className="flex items-start gap-2">
            <Badge look={{ tone: 'deny', word: row.code }} />
            {row.count > 1 ? (
              <span className="py-0.5 text-note whitespace-nowrap text-muted">× {row.count}</span>
            ) : null}
          </div>
          <div className="min-w-0">
            <p className="break-words">{codeMeaning(row.code) ?? <Escaped text={row.message} />}</p>
            <p className="text-note break-words text-muted">
              {row.tool ? <Escaped text={row.tool} /> : 'no tool named'} ·{' '}
              {row.agent ? <Escaped text={row.agent} /> : 'no agent named'}
              {row.status ? ` · HTTP ${row.status}` : ''}
            </p>
          </div>
          <span className="text-note text-muted">
            <Time at={row.at} />
          </span>
        </li>
      ))}
    </ul>
  );
}
