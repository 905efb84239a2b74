import type { CallView } from '@/api/types';

export const CALL_CLASSES = ['done', 'not_sent', 'in_doubt', 'resolved', 'refused'] as const;
export type CallClass = (typeof CALL_CLASSES)[number];

/** In-doubt calls on top, then the newest first. */
export function sortCalls(rows: CallView[]): CallView[] {
  const rank = (call: CallView) => (call.state === 'in_doubt' ? 0 : 1);
  return [...rows].sort((a, b) => rank(a) - rank(b) || b.consumed_at.localeCompare(a.consumed_at));
}
