import { createFileRoute } from '@tanstack/react-router';
import { runsQuery } from '@/api/queries';
import { RunsPage } from '@/features/runs/runs-page';

export const Route = createFileRoute('/_app/runs/')({
  loader: ({ context }) => void context.client.prefetchQuery(runsQuery),
  component: RunsPage,
});
