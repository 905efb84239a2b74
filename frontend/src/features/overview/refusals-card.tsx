import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { refusalsQuery } from '@/api/queries';
import { AsyncList } from '@/ui/async-list';
import { Card } from '@/ui/card';
import { RefusalList } from '@/ui/refusal-list';

/** What was refused lately: the product at work. */
export function RefusalsCard() {
  const query = useQuery({
    ...refusalsQuery,
    select: (rows) => [...rows].sort((a, b) => b.at.localeCompare(a.at)).slice(0, 8),
  });
  return (
    <Card
      title="Refusals"
      padding="flush"
      className="order-5 lg:order-none"
      aside={
        <Link
          to="/calls"
          search={{ class: 'refused' }}
          className="text-accent underline underline-offset-2"
        >
          All refusals
        </Link>
      }
    >
      <AsyncList
        query={query}
        label="refusals"
        rows={2}
        empty={<p>Nothing was refused. Calls without a fitting token appear here.</p>}
      >
        {(rows) => <RefusalList rows={rows} />}
      </AsyncList>
    </Card>
  );
}
