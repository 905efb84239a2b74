import type { Effect, Verdict } from '@/api/types';

export const EFFECTS: readonly Effect[] = ['read', 'service', 'destructive', 'data'];

export type Level = 'observe' | 'recommend' | 'automate-safe' | 'automate-destructive';

/** The table of the shipped base policies, for explanation; decisions come from the authority alone. */
export const AUTONOMY: Record<Level, Record<Effect, Verdict>> = {
  observe: { read: 'allow', service: 'deny', destructive: 'deny', data: 'deny' },
  recommend: { read: 'allow', service: 'needs_approval', destructive: 'deny', data: 'deny' },
  'automate-safe': {
    read: 'allow',
    service: 'allow',
    destructive: 'needs_approval',
    data: 'deny',
  },
  'automate-destructive': {
    read: 'allow',
    service: 'allow',
    destructive: 'allow',
    data: 'needs_approval',
  },
};
