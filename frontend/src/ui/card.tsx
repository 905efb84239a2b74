import type { ReactNode } from 'react';

interface CardProps {
  title: string;
  aside?: ReactNode;
  children: ReactNode;
  /** `flush` when the content brings its own padding, as rows do. */
  padding?: 'normal' | 'flush';
  className?: string;
}

/** A titled part of a page. */
export function Card({ title, aside, children, padding = 'normal', className = '' }: CardProps) {
  return (
    <section
      aria-label={title}
      className={`min-w-0 rounded-lg border border-line bg-surface shadow-card ${className}`}
    >
      <header className="flex min-h-11 items-center justify-between gap-3 border-b border-line px-4 py-2">
        <h2 className="text-base font-semibold">{title}</h2>
        {aside ? <div className="text-note text-muted">{aside}</div> : null}
      </header>
      <div className={padding === 'normal' ? 'p-4' : ''}>{children}</div>
    </section>
  );
}

/** One named value. */
export function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="grid grid-cols-1 gap-x-4 gap-y-0.5 py-1.5 sm:grid-cols-[8.5rem_minmax(0,1fr)]">
      <dt className="text-dense text-muted">{name}</dt>
      <dd className="min-w-0 break-words">{children}</dd>
    </div>
  );
}

/** A list of named values. */
export function Facts({ children }: { children: ReactNode }) {
  return <dl className="divide-y divide-line">{children}</dl>;
}
