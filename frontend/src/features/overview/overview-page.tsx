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
      <div className="grid grid-cols-1 gap-4 lg:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
        <ServicesCard simulator={meta.data?.simulator} />
        <AlertsCard simulator={meta.data?.simulator} />
        <RecentRunsCard />
        <PostureCard />
        <RefusalsCard />
      </div>
    </Page>
  );
}
