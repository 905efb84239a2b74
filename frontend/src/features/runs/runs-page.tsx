import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { runsQuery } from '@/api/queries';
import type { RunStep, RunView } from '@/api/types';
import { useNow } from '@/lib/now';
import { runEnded, runLook, stateLook } from '@/lib/states';
import { formatDuration } from '@/lib/time';
import { AsyncList } from '@/ui/async-list';
import { Page } from '@/ui/page';
import { Escaped } from '@/ui/quote';
import { Badge, ToneIcon } from '@/ui/state-badge';
import { Time } from '@/ui/time';
import { triggerText } from './trigger';

function Strip({ steps }: { steps: RunStep[] }) {
  if (steps.length === 0) return <span className="text-note text-muted">no steps yet</span>;
  return (
    <ul className="flex flex-wrap gap-1" aria-label="Steps">
      {steps.map((step) => {
        const look = stateLook('verdict', step.verdict);
        return (
          <li key={`${step.plan_id ?? ''} ${step.id}`} title={`${step.tool}: ${look.word}`}>
            <ToneIcon tone={look.tone} />
            <span className="sr-only">
              {step.tool}: {look.word}
            </span>
          </li>
        );
      })}
    </ul>
  );
}

function Length({ run }: { run: RunView }) {
  const now = useNow();
  const end = run.finished_at ?? (runEnded(run.state) ? run.updated_at : null);
  const length = (end ? Date.parse(end) : now) - Date.parse(run.created_at);
  return <span className="whitespace-nowrap">{formatDuration(length)}</span>;
}

function Row({ run }: { run: RunView }) {
  return (
    <li className="relative grid gap-x-4 gap-y-1.5 px-4 py-3 hover:bg-sunken md:grid-cols-[11rem_minmax(0,1fr)_7rem_10rem]">
      <div>
        <Badge look={runLook(run.state, run.steps)} />
      </div>
      <div className="min-w-0">
        <Link
          to="/runs/$run"
          params={{ run: run.run_id }}
          className="block font-medium break-words after:absolute after:inset-0"
        >
          <Escaped text={run.goal} />
        </Link>
        <p className="text-note text-muted">
          {run.agent} · {triggerText(run.trigger)}
          {run.requested_by ? ` · asked by ${run.requested_by}` : ''}
        </p>
      </div>
      <div className="self-center">{run.steps ? <Strip steps={run.steps} /> : null}</div>
      <div className="flex gap-3 text-note text-muted md:block md:text-right">
        <Time at={run.created_at} />
        <span className="md:block">
          {runEnded(run.state) ? 'took ' : 'for '}
          <Length run={run} />
        </span>
      </div>
    </li>
  );
}

/** Every run, the newest first. */
export function RunsPage() {
  const query = useQuery({
    ...runsQuery,
    select: (runs) => [...runs].sort((a, b) => b.created_at.localeCompare(a.created_at)),
  });
  return (
    <Page title="Runs" lead="What the agent was asked to do, and how it went.">
      <div className="rounded-lg border border-line bg-surface shadow-card">
        <AsyncList
          query={query}
          label="runs"
          empty={<p>No runs yet. Press Run agent and give it a goal.</p>}
        >
          {(runs) => (
            <ul className="divide-y divide-line">
              {runs.map((run) => (
                <Row key={run.run_id} run={run} />
              ))}
            </ul>
          )}
        </AsyncList>
      </div>
    </Page>
  );
}
