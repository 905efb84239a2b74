import { createFileRoute } from '@tanstack/react-router';
import { LedgerPage } from '@/features/ledger/ledger-page';

export const Route = createFileRoute('/_app/ledger')({
  validateSearch: (search: Record<string, unknown>): { of?: 'enforcer' } =>
    search.of === 'enforcer' ? { of: 'enforcer' } : {},
  component: Ledger,
});

function Ledger() {
  const { of } = Route.useSearch();
  return <LedgerPage service={of ?? 'authority'} />;
}
