import { createFileRoute } from '@tanstack/react-router';
import { CallsPage } from '@/features/calls/calls-page';
import { CALL_CLASSES, type CallClass } from '@/features/calls/classes';

export const Route = createFileRoute('/_app/calls/')({
  validateSearch: (search: Record<string, unknown>): { class?: CallClass } => {
    const found = CALL_CLASSES.find((item) => item === search.class);
    return found ? { class: found } : {};
  },
  component: Calls,
});

function Calls() {
  const search = Route.useSearch();
  return <CallsPage show={search.class ?? 'all'} />;
}
