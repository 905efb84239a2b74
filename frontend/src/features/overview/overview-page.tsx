import { useQuery } from '@tanstack/react-query';
import { metaQuery } from '@/api/queries';
import { Page } from '@/ui/page';
import { AlertsCard } from './alerts-card';
import { NeedsYou } from './needs-you';
import { PostureCard } from './posture-card';
import { RecentRunsCard } from './recent-runs-card';
import { RefusalsCard } from './refusals-card';
import { ServicesCard } from './services-card';

/** Is it healthy, is it governed, what waits for me. */
export function OverviewPage() {
  const meta = useQuery(metaQuery);
  return (
    <Page title="Overview" actions={<NeedsYou />}>
      <div className="flex flex-col gap-4 lg:flex-row lg:items-start">
        <div className="contents min-w-0 flex-3 flex-col gap-4 lg:flex">
          <ServicesCard simulator={meta.data?.simulator} />
          <RecentRunsCard />
          <RefusalsCard />
        </div>
        <div className="contents min-w-0 flex-2 flex-col gap-4 lg:flex">
          <AlertsCard simulator={meta.data?.simulator} />
          <PostureCard />
        </div>
      </div>
    </Page>
  );
}
