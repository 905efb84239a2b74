import { useEffect, useRef } from 'react';
import type { PolicyFile } from '@/api/types';
import { Escaped } from '@/ui/quote';
import { lineOfPolicy, type Piece, paint } from './cedar-text';

const PAINT: Record<Piece['kind'], string> = {
  comment: 'text-muted italic',
  string: 'text-allow-ink',
  keyword: 'font-semibold text-accent',
  annotation: 'text-accent',
  plain: '',
};

/** A file with line numbers; the wanted policy is marked and scrolled to. */
export function PolicyText({ file, policy }: { file: PolicyFile; policy: string | undefined }) {
  const marked = useRef<HTMLLIElement>(null);
  const wanted = policy ? lineOfPolicy(file.text, policy) : null;
  useEffect(() => {
    if (wanted !== null) marked.current?.scrollIntoView({ block: 'center' });
  }, [wanted]);
  const lines = file.text.replace(/\n$/, '').split('\n');
  return (
    <section
      aria-label={file.path}
      className="min-w-0 rounded-lg border border-line bg-surface shadow-card"
    >
      <header className="border-b border-line px-4 py-2.5">
        <h2 className="font-mono text-dense font-semibold">{file.path}</h2>
        <p className="mt-0.5 text-note break-words text-muted">
          {(file.policies ?? []).join(' · ') || 'no policies'}
        </p>
      </header>
      <section
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard.
        tabIndex={0}
        aria-label={`Text of ${file.path}`}
        className="overflow-x-auto py-2"
      >
        <ol className="w-max min-w-full font-mono text-dense">
          {lines.map((line, index) => {
            const hit = wanted === index;
            return (
              <li
                // biome-ignore lint/suspicious/noArrayIndexKey: a line is its number.
                key={index}
                ref={hit ? marked : undefined}
                aria-current={hit ? 'true' : undefined}
                className={`grid grid-cols-[3.5rem_auto] ${hit ? 'bg-accent-soft' : ''}`}
              >
                <span aria-hidden="true" className="pr-4 text-right text-muted select-none">
                  {index + 1}
                </span>
                <span className="pr-4 whitespace-pre">
                  {paint(line).map((piece) => (
                    <span key={piece.at} className={PAINT[piece.kind]}>
                      <Escaped text={piece.text} />
                    </span>
                  ))}
                </span>
              </li>
            );
          })}
        </ol>
      </section>
    </section>
  );
}
