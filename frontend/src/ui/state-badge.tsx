import {
  CircleCheck,
  CircleDashed,
  LoaderCircle,
  type LucideIcon,
  OctagonMinus,
  SquarePause,
  TriangleAlert,
} from 'lucide-react';
import { type StateKind, type StateLook, stateLook, type Tone } from '@/lib/states';

const ICON: Record<Tone, LucideIcon> = {
  allow: CircleCheck,
  wait: SquarePause,
  deny: OctagonMinus,
  error: TriangleAlert,
  none: CircleDashed,
  active: LoaderCircle,
};

const FILL: Record<Tone, string> = {
  allow: 'bg-allow text-on-allow border-transparent',
  wait: 'bg-wait text-on-wait border-transparent',
  deny: 'bg-deny text-on-deny border-transparent',
  error: 'bg-error text-on-error border-transparent',
  none: 'bg-none text-on-none border-transparent',
  active: 'bg-accent-soft text-accent border-transparent',
};

const INK: Record<Tone, string> = {
  allow: 'text-allow-ink',
  wait: 'text-wait-ink',
  deny: 'text-deny-ink',
  error: 'text-error-ink',
  none: 'text-muted',
  active: 'text-accent',
};

/** The icon of a tone alone, in its ink. The word must stand beside it. */
export function ToneIcon({ tone, size = 16 }: { tone: Tone; size?: number }) {
  const Icon = ICON[tone];
  return (
    <Icon
      aria-hidden="true"
      size={size}
      className={`shrink-0 ${INK[tone]} ${tone === 'active' ? 'turning' : ''}`}
    />
  );
}

/** A state as icon shape, word and fill together. */
export function Badge({ look }: { look: StateLook }) {
  const Icon = ICON[look.tone];
  return (
    <span
      className={`inline-flex max-w-full items-center gap-1 rounded-sm border px-1.5 py-0.5 text-note font-medium whitespace-nowrap ${FILL[look.tone]}`}
    >
      <Icon
        aria-hidden="true"
        size={14}
        strokeWidth={2.25}
        className={`shrink-0 ${look.tone === 'active' ? 'turning' : ''}`}
      />
      <span className="truncate">{look.word}</span>
    </span>
  );
}

/** The badge of one of the services' own state words. */
export function StateBadge({ kind, value }: { kind: StateKind; value: string | null | undefined }) {
  return <Badge look={stateLook(kind, value)} />;
}
