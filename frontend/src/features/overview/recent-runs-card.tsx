import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { runsQuery } from '@/api/queries';
import { runLook } from '@/lib/states';
import { AsyncList } from '@/ui/async-list';
import { Card } from '@/ui/card';
import { Escaped } from '@/ui/quote';
import { Badge } from '@/ui/state-badge';
import { Time } from '@/ui/time';

/** The latest runs. */
export function RecentRunsCard() {
  const query = useQuery({
    ...runsQuery,
    select: (runs) =>
      [...runs].sort((a, b) => b.created_at.localeCompare(a.created_at)).slice(0, 5),
  });
  return (
    <Card
      title="Recent runs"
      padding="flush"
      className="order-3 lg:order-none"
      aside={
        <Link to="/runs" className="text-accent underline underline-offset-2">
          All runs
        </Link>
      }
    >
      <AsyncList
        query={query}
        label="runs"
        rows={2}
        empty={<p>No runs yet. Press Run agent and give it a goal.</p>}
      >
        {(runs) => (
          <ul className="divide-y divide-line">
            {runs.map((run) => (
              <li
                key={run.run_id}
                className="relative flex items-center gap-3 px-4 py-2.5 hover:bg-sunken"
              >
                <Badge look={runLook(run.state, run.steps)} />
                <Link
                  to="/runs/$run"
                  params={{ run: run.run_id }}
                  className="min-w-0 flex-1 truncate font-medium after:absolute after:inset-0"
                >
                  <Escaped text={run.goal} />
                </Link>
                <span className="text-note text-muted">
                  <Time at={run.created_at} />
                </span>
              </li>
            ))}
          </ul>
        )}
      </AsyncList>
    </Card>
  );
}
