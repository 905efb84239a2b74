import { createFileRoute } from '@tanstack/react-router';
import { agentsQuery } from '@/api/queries';
import { AgentsPage } from '@/features/agents/agents-page';

export const Route = createFileRoute('/_app/agents')({
  loader: ({ context }) => void context.client.prefetchQuery(agentsQuery),
  component: AgentsPage,
});
