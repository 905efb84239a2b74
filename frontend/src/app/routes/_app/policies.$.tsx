import { createFileRoute } from '@tanstack/react-router';
import { policiesQuery } from '@/api/queries';
import { PoliciesPage } from '@/features/policies/policies-page';

export const Route = createFileRoute('/_app/policies/$')({
  validateSearch: (search: Record<string, unknown>): { policy?: string } =>
    typeof search.policy === 'string' ? { policy: search.policy } : {},
  loader: ({ context }) => void context.client.prefetchQuery(policiesQuery),
  component: PolicyFile,
});

function PolicyFile() {
  const { _splat } = Route.useParams();
  const { policy } = Route.useSearch();
  return <PoliciesPage file={_splat} policy={policy} />;
}
