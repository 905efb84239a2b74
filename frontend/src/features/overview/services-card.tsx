import { useQuery } from '@tanstack/react-query';
import { worldQuery } from '@/api/queries';
import type { Service } from '@/api/types';
import { AsyncList } from '@/ui/async-list';
import { Card } from '@/ui/card';
import { ServiceTable } from '@/ui/service-table';
import { SimulatedTag } from '@/ui/simulated-tag';

function NoServices() {
  return <p>No services reported. Connect an upstream or start the simulator.</p>;
}

/** The services and how they are. */
export function ServicesCard({ simulator }: { simulator: boolean | undefined }) {
  const query = useQuery({
    ...worldQuery,
    enabled: simulator === true,
    select: (world): Service[] => world.services,
  });
  return (
    <Card
      title="Services"
      aside={simulator ? <SimulatedTag /> : null}
      padding="flush"
      className="order-1 lg:order-none"
    >
      {simulator === false ? (
        <div className="px-4 py-8 text-center text-muted">
          <NoServices />
        </div>
      ) : (
        <AsyncList query={query} label="services" empty={<NoServices />}>
          {(services) => <ServiceTable services={services} />}
        </AsyncList>
      )}
    </Card>
  );
}
