import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { ledgerQuery } from '@/api/queries';
import type { LedgerEntry } from '@/api/types';
import { AsyncList } from '@/ui/async-list';
import { Button } from '@/ui/button';
import { JsonBlock } from '@/ui/json-view';
import { Digest } from '@/ui/mono';
import { Page } from '@/ui/page';
import { TabLinks } from '@/ui/tab-links';
import { Time } from '@/ui/time';
import { readRecord } from './record';

const PAGE = 50;

function Row({ entry }: { entry: LedgerEntry }) {
  const record = readRecord(entry.record);
  return (
    <li className="px-4 py-1.5">
      <details>
        <summary className="grid min-h-9 list-none grid-cols-[4rem_6rem_minmax(0,1fr)] items-center gap-x-3 text-dense md:grid-cols-[5rem_7rem_minmax(0,1fr)_auto]">
          <span className="font-mono text-muted">{entry.index}</span>
          <span className="font-medium">{record.kind}</span>
          <span className="truncate font-mono">{record.about}</span>
          <span className="col-start-3 text-note text-muted md:col-start-4">
            {record.at ? <Time at={record.at} /> : null}
          </span>
        </summary>
        <div className="space-y-2 py-2">
          <JsonBlock value={entry.record} label={`Record ${entry.index}, exactly as stored`} />
          <p className="text-note text-muted">
            leaf <Digest value={entry.leaf} label="leaf hash" length={24} />
          </p>
        </div>
      </details>
    </li>
  );
}

/** The records of one ledger, the newest first, exactly as they are stored. */
export function LedgerPage({ service }: { service: 'authority' | 'enforcer' }) {
  const [shown, setShown] = useState(PAGE);
  const query = useQuery({
    ...ledgerQuery(service),
    select: (ledger) => ledger.entries.toReversed(),
  });
  return (
    <Page
      title="Ledger"
      lead={
        <>
          Records in their stored form. They are not verified on this page; verify them with{' '}
          <code className="font-mono text-dense">countersign audit verify</code>.
        </>
      }
    >
      <TabLinks
        label="Ledgers"
        tabs={[
          { to: '/ledger', search: {}, word: 'Authority', current: service === 'authority' },
          {
            to: '/ledger',
            search: { of: 'enforcer' },
            word: 'Enforcer',
            current: service === 'enforcer',
          },
        ]}
      />
      <div className="rounded-lg border border-line bg-surface shadow-card">
        <AsyncList query={query} label="records" rows={8} empty={<p>No records yet.</p>}>
          {(rows) => (
            <>
              <ul className="divide-y divide-line">
                {rows.slice(0, shown).map((entry) => (
                  <Row key={entry.index} entry={entry} />
                ))}
              </ul>
              {rows.length > shown ? (
                <div className="border-t border-line p-3 text-center">
                  <Button onClick={() => setShown(shown + PAGE)}>
                    Show {Math.min(PAGE, rows.length - shown)} older
                  </Button>
                </div>
              ) : null}
            </>
          )}
        </AsyncList>
      </div>
    </Page>
  );
}
