import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Stamp } from 'lucide-react';
import { cancelRun } from '@/api/actions';
import { runQuery } from '@/api/queries';
import type { RunView } from '@/api/types';
import { escapeText } from '@/lib/escape';
import { problemLine } from '@/lib/problem';
import { runEnded, runLook } from '@/lib/states';
import { AsyncOne } from '@/ui/async-list';
import { Button, buttonClass } from '@/ui/button';
import { CopyButton } from '@/ui/mono';
import { Page } from '@/ui/page';
import { LongText } from '@/ui/quote';
import { Badge } from '@/ui/state-badge';
import { Time } from '@/ui/time';
import { Log } from './log';
import { PhaseBar } from './phase-bar';
import { SensePanel } from './sense-panel';
import { StepList } from './step-list';
import { Superseded } from './superseded';
import { triggerText } from './trigger';

function CancelButton({ run }: { run: RunView }) {
  const client = useQueryClient();
  const cancel = useMutation({
    mutationFn: () => cancelRun(run.run_id),
    onSettled: () => client.invalidateQueries({ queryKey: ['runs'] }),
  });
  if (runEnded(run.state)) return null;
  return (
    <div>
      <Button onClick={() => cancel.mutate()} disabled={cancel.isPending}>
        {cancel.isPending ? 'Cancelling…' : 'Cancel run'}
      </Button>
      {cancel.isError ? (
        <p role="alert" className="mt-1 text-deny-ink">
          {problemLine(cancel.error)}
        </p>
      ) : null}
    </div>
  );
}

function Outcome({ run }: { run: RunView }) {
  const failure = run.error;
  const waitsFor = (run.steps ?? []).find(
    (step) => step.approval_id && (step.state === 'waiting' || step.state === 'pending'),
  );
  return (
    <>
      {run.state === 'waiting' && waitsFor?.approval_id ? (
        <div
          role="status"
          className="flex flex-wrap items-center justify-between gap-3 rounded-lg bg-wait px-4 py-3 text-on-wait"
        >
          <p>
            Step {waitsFor.id}, <span className="font-mono text-dense">{waitsFor.tool}</span>, waits
            for a person.
          </p>
          <Link
            to="/approvals/$id"
            params={{ id: waitsFor.approval_id }}
            className={buttonClass('plain')}
          >
            <Stamp aria-hidden="true" size={15} />
            Review approval
          </Link>
        </div>
      ) : null}
      {failure ? (
        <div role="alert" className="rounded-lg border border-line bg-surface px-4 py-3">
          <p className="font-semibold">Why it stopped</p>
          <p className="mt-1 break-words">
            <LongText text={failure.message} />{' '}
            <code className="font-mono text-note text-muted">{failure.code}</code>
          </p>
        </div>
      ) : null}
      {run.summary && !failure ? (
        <div className="rounded-lg border border-line bg-surface px-4 py-3">
          <p className="text-note text-muted">Summary</p>
          <p className="mt-0.5 break-words whitespace-pre-wrap">
            <LongText text={run.summary} />
          </p>
        </div>
      ) : null}
    </>
  );
}

function Lead({ run }: { run: RunView }) {
  const source = run.source === 'model' ? (run.model ?? 'model') : run.runbook;
  return (
    <span className="flex flex-wrap items-center gap-x-4 gap-y-0.5">
      <span>agent {run.agent}</span>
      <span>{triggerText(run.trigger)}</span>
      {run.requested_by ? <span>asked by {run.requested_by}</span> : null}
      {run.source && source ? (
        <span>
          plan from {run.source} {source}
        </span>
      ) : null}
      {run.replans ? <span>planned again {run.replans}×</span> : null}
      <span>
        started <Time at={run.created_at} />
      </span>
      <span className="inline-flex items-center">
        <code className="font-mono text-note">{run.run_id}</code>
        <CopyButton text={run.run_id} label="run id" />
      </span>
    </span>
  );
}

function Run({ run }: { run: RunView }) {
  return (
    <Page
      title={escapeText(run.goal)}
      windowTitle={`${runLook(run.state, run.steps).word}: ${run.goal.slice(0, 60)}`}
      badge={
        <span role="status" data-run-state={run.state}>
          <Badge look={runLook(run.state, run.steps)} />
        </span>
      }
      lead={<Lead run={run} />}
      actions={<CancelButton run={run} />}
    >
      <div className="space-y-4">
        <PhaseBar run={run} />
        <Outcome run={run} />
        {run.sense ? <SensePanel sense={run.sense} /> : null}
        <StepList steps={run.steps ?? []} ended={runEnded(run.state)} />
        {run.superseded?.length ? <Superseded plans={run.superseded} /> : null}
        <Log timeline={run.timeline ?? []} />
      </div>
    </Page>
  );
}

/** One run, live. */
export function RunPage({ id }: { id: string }) {
  const query = useQuery(runQuery(id));
  if (query.data) return <Run run={query.data} />;
  return (
    <Page title="Run">
      <div className="rounded-lg border border-line bg-surface shadow-card">
        <AsyncOne query={query} label="the run">
          {() => null}
        </AsyncOne>
      </div>
    </Page>
  );
}
