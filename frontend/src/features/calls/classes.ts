import type { CallView } from '@/api/types';

export const CALL_CLASSES = ['done', 'not_sent', 'in_doubt', 'resolved', 'refused'] as const;
export type CallClass = (typeof CALL_CLASSES)[number];

/** In-doubt calls on top, then the newest first. */
export function sortCalls(rows: CallView[]): CallView[] {
  const rank = (call: CallView) => (call.state === 'in_doubt' ? 0 : 1);
  const time = (call: CallView) => call.consumed_at ?? '';
  return [...rows].sort((a, b) => rank(a) - rank(b) || time(b).localeCompare(time(a)));
}
