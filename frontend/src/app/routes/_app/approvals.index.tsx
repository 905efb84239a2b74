import { createFileRoute } from '@tanstack/react-router';
import { approvalsQuery } from '@/api/queries';
import { ApprovalsPage } from '@/features/approvals/approvals-page';

export const Route = createFileRoute('/_app/approvals/')({
  validateSearch: (search: Record<string, unknown>): { state?: 'decided' } =>
    search.state === 'decided' ? { state: 'decided' } : {},
  loader: ({ context }) => void context.client.prefetchQuery(approvalsQuery),
  component: Approvals,
});

function Approvals() {
  const { state } = Route.useSearch();
  return <ApprovalsPage view={state ?? 'pending'} />;
}
