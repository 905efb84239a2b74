import { FlaskConical } from 'lucide-react';

/** Marks what comes from the simulator. */
export function SimulatedTag() {
  return (
    <span className="inline-flex items-center gap-1 rounded-sm border border-wait-ink px-1.5 py-0.5 text-note font-medium text-wait-ink">
      <FlaskConical aria-hidden="true" size={13} />
      SIMULATED
    </span>
  );
}
