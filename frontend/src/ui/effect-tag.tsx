import { Database, Eye, type LucideIcon, Wrench, Zap } from 'lucide-react';
import type { Effect } from '@/api/types';

const LOOK: Record<Effect, { icon: LucideIcon; ink: string }> = {
  read: { icon: Eye, ink: 'border-line text-muted' },
  service: { icon: Wrench, ink: 'border-line text-muted' },
  destructive: { icon: Zap, ink: 'border-deny-ink text-deny-ink' },
  data: { icon: Database, ink: 'border-deny-ink text-deny-ink' },
};

/** How far a tool reaches. It is a kind, not a state, so it is outlined and never filled. */
export function EffectTag({ effect }: { effect: Effect }) {
  const { icon: Icon, ink } = LOOK[effect] ?? LOOK.destructive;
  return (
    <span
      className={`inline-flex items-center gap-1 rounded-sm border px-1.5 py-0.5 text-note font-medium ${ink}`}
    >
      <Icon aria-hidden="true" size={13} />
      {effect}
    </span>
  );
}
