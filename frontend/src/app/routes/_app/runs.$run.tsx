import { createFileRoute } from '@tanstack/react-router';
import { runQuery } from '@/api/queries';
import { RunPage } from '@/features/runs/run-page';

export const Route = createFileRoute('/_app/runs/$run')({
  loader: ({ context, params }) => void context.client.prefetchQuery(runQuery(params.run)),
  component: Run,
});

function Run() {
  const { run } = Route.useParams();
  return <RunPage key={run} id={run} />;
}
