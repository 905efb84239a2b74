import { useState } from 'react';
import type { Json } from '@/api/types';
import { type DiffLine, diffJson, showJson } from '@/lib/diff';
import { Button } from './button';
import { Escaped } from './quote';

function Removed({ value }: { value: Json | undefined }) {
  return (
    <span className="text-deny-ink">
      −{' '}
      <del>
        <Escaped text={showJson(value)} />
      </del>
    </span>
  );
}

function Added({ value }: { value: Json | undefined }) {
  return (
    <span className="text-allow-ink">
      +{' '}
      <ins className="underline">
        <Escaped text={showJson(value)} />
      </ins>
    </span>
  );
}

function Line({ line }: { line: DiffLine }) {
  return (
    <div className="contents">
      <dt className="text-muted">
        <Escaped text={line.path === '' ? 'value' : line.path} />
      </dt>
      <dd className="flex flex-wrap gap-x-3 break-words">
        {line.kind === 'same' ? <Escaped text={showJson(line.after)} /> : null}
        {line.kind === 'changed' || line.kind === 'removed' ? (
          <Removed value={line.before} />
        ) : null}
        {line.kind === 'changed' || line.kind === 'added' ? <Added value={line.after} /> : null}
      </dd>
    </div>
  );
}

/** State before and after, leaf by leaf. What did not change is folded away. */
export function DiffView({ before, after }: { before: Json | undefined; after: Json | undefined }) {
  const [whole, setWhole] = useState(false);
  const lines = diffJson(before, after);
  const changed = lines.filter((line) => line.kind !== 'same');
  const same = lines.length - changed.length;
  const shown = whole ? lines : changed;
  return (
    <div>
      {changed.length === 0 ? <p className="text-muted">Nothing changed.</p> : null}
      <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-1 font-mono text-dense">
        {shown.map((line) => (
          <Line key={line.path} line={line} />
        ))}
      </dl>
      {same > 0 ? (
        <Button
          look="quiet"
          className="mt-1 -ml-3 text-note text-muted"
          aria-expanded={whole}
          onClick={() => setWhole(!whole)}
        >
          {whole ? 'Fold unchanged' : `${same} unchanged`}
        </Button>
      ) : null}
    </div>
  );
}
