import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { ProblemView } from './problem-view';
import { Time } from './time';

interface AsyncListProps<T> {
  query: UseQueryResult<T[]>;
  /** One sentence and, where there is one, the useful action. */
  empty: ReactNode;
  children: (rows: T[]) => ReactNode;
  /** How many skeleton rows stand in. */
  rows?: number;
  label: string;
}

function Skeleton({ rows, label }: { rows: number; label: string }) {
  return (
    <div role="status" className="space-y-3 p-4">
      <span className="sr-only">Loading {label}</span>
      {Array.from({ length: rows }, (_, index) => index).map((index) => (
        <div key={index} aria-hidden="true" className="flex gap-3">
          <div className="skeleton h-5 w-20" />
          <div className="skeleton h-5 flex-1" />
        </div>
      ))}
    </div>
  );
}

/** The four written states of every list: loading, empty, failed (or denied), and the rows. */
export function AsyncList<T>({ query, empty, children, rows = 4, label }: AsyncListProps<T>) {
  const retry = () => void query.refetch();
  if (query.data === undefined) {
    return query.isError ? (
      <ProblemView error={query.error} onRetry={retry} />
    ) : (
      <Skeleton rows={rows} label={label} />
    );
  }
  if (query.data.length === 0 && !query.isError) {
    return <div className="px-4 py-8 text-center text-muted">{empty}</div>;
  }
  return (
    <>
      {query.isError ? (
        <div className="border-b border-line">
          <ProblemView error={query.error} onRetry={retry} />
          <p className="px-4 pb-3 text-note text-muted">
            What is shown below is from <Time at={new Date(query.dataUpdatedAt).toISOString()} />.
          </p>
        </div>
      ) : null}
      <div className={query.isError ? 'opacity-60' : ''}>{children(query.data)}</div>
    </>
  );
}

/** The same for one thing instead of a list. */
export function AsyncOne<T>({
  query,
  children,
  label,
}: {
  query: UseQueryResult<T>;
  children: (value: T) => ReactNode;
  label: string;
}) {
  if (query.data !== undefined) return children(query.data);
  return query.isError ? (
    <ProblemView error={query.error} onRetry={() => void query.refetch()} />
  ) : (
    <Skeleton rows={5} label={label} />
  );
}
