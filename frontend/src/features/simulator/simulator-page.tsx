import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useId, useState } from 'react';
import { clearFault, injectFault } from '@/api/actions';
import { metaQuery, worldQuery } from '@/api/queries';
import type { Fault, Service } from '@/api/types';
import { problemLine } from '@/lib/problem';
import { AsyncList } from '@/ui/async-list';
import { Button } from '@/ui/button';
import { Card } from '@/ui/card';
import { FIELD } from '@/ui/field';
import { Page } from '@/ui/page';
import { ServiceTable } from '@/ui/service-table';
import { SimulatedTag } from '@/ui/simulated-tag';
import { Badge } from '@/ui/state-badge';
import { Time } from '@/ui/time';
import { FAULT_KINDS, faultTarget } from './faults';

function useFaults() {
  const client = useQueryClient();
  const renew = () => client.invalidateQueries({ queryKey: ['world'] });
  const inject = useMutation({ mutationFn: injectFault, onSettled: renew });
  const clear = useMutation({ mutationFn: clearFault, onSettled: renew });
  return { inject, clear };
}

function InjectCard({ services }: { services: Service[] }) {
  const [chosen, setChosen] = useState('');
  const field = useId();
  const { inject } = useFaults();
  const first = services.find((service) => service.id === 'payments') ?? services[0];
  const target = chosen || (first?.id ?? '');
  return (
    <Card title="Break something">
      <label htmlFor={field} className="font-medium">
        Service
      </label>
      <select
        id={field}
        value={target}
        onChange={(event) => setChosen(event.target.value)}
        className={`${FIELD} mt-1 mb-3`}
      >
        {services.map((service) => (
          <option key={service.id} value={service.id}>
            {service.id}
          </option>
        ))}
      </select>
      <ul className="space-y-2">
        {FAULT_KINDS.map((fault) => (
          <li key={fault.kind} className="flex items-center justify-between gap-3">
            <span>
              <span className="font-medium">{fault.word}</span>{' '}
              <span className="text-muted">{fault.story}</span>
            </span>
            <Button
              disabled={inject.isPending || target === ''}
              aria-label={`Inject ${fault.word} on ${target}`}
              onClick={() => inject.mutate({ kind: fault.kind, target })}
            >
              Inject
            </Button>
          </li>
        ))}
      </ul>
      <div className="mt-4 flex flex-wrap items-center justify-between gap-3 border-t border-line pt-4">
        <Button
          disabled={inject.isPending}
          onClick={() => inject.mutate({ kind: 'storm', target: '50' })}
        >
          Storm: 50 hanging probes
        </Button>
        <Button disabled={inject.isPending} onClick={() => inject.mutate({ kind: 'reset' })}>
          Reset the world
        </Button>
      </div>
      {inject.isError ? (
        <p role="alert" className="mt-3 text-deny-ink">
          {problemLine(inject.error)}
        </p>
      ) : null}
    </Card>
  );
}

function ActiveFaults({ faults }: { faults: Fault[] }) {
  const { clear } = useFaults();
  if (faults.length === 0) {
    return <p className="px-4 py-8 text-center text-muted">No faults are active.</p>;
  }
  return (
    <ul className="divide-y divide-line">
      {faults.map((fault) => {
        return (
          <li key={fault.fault_id} className="flex flex-wrap items-center gap-3 px-4 py-2.5">
            <Badge look={{ tone: 'error', word: fault.kind }} />
            <span className="min-w-0 flex-1">
              {faultTarget(fault)}
              <span className="text-note text-muted">
                {' '}
                · <Time at={fault.at} />
              </span>
            </span>
            <Button
              disabled={clear.isPending}
              onClick={() => clear.mutate(fault.fault_id)}
              aria-label={`Clear ${fault.kind} on ${faultTarget(fault)}`}
            >
              Clear
            </Button>
          </li>
        );
      })}
      {clear.isError ? (
        <li role="alert" className="px-4 py-2.5 text-deny-ink">
          {problemLine(clear.error)}
        </li>
      ) : null}
    </ul>
  );
}

function World() {
  const services = useQuery({ ...worldQuery, select: (world): Service[] => world.services });
  const faults = useQuery({ ...worldQuery, select: (world): Fault[] => world.faults });
  return (
    <div className="grid grid-cols-1 gap-4 lg:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
      <div className="space-y-4">
        <Card title="Services" padding="flush" aside={<SimulatedTag />}>
          <AsyncList query={services} label="services" empty={<p>The world is empty.</p>}>
            {(rows) => <ServiceTable services={rows} />}
          </AsyncList>
        </Card>
        <Card title="Active faults" padding="flush">
          <ActiveFaults faults={faults.data ?? []} />
        </Card>
      </div>
      <InjectCard services={services.data ?? []} />
    </div>
  );
}

/** The mini cloud: break it and watch. */
export function SimulatorPage() {
  const meta = useQuery(metaQuery);
  return (
    <Page
      title="Simulator"
      badge={<SimulatedTag />}
      lead="A small cloud to practise on. Faults change its state for real; the agent sees only what tools can read."
    >
      {meta.data?.simulator === false ? (
        <p className="rounded-lg border border-line bg-surface px-4 py-8 text-center text-muted">
          No simulator is connected. Start one with{' '}
          <code className="font-mono text-dense">countersign up --demo</code>.
        </p>
      ) : (
        <World />
      )}
    </Page>
  );
}
