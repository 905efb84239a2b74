import { createFileRoute } from '@tanstack/react-router';
import { CallPage } from '@/features/calls/call-page';

export const Route = createFileRoute('/_app/calls/$attempt')({ component: Call });

function Call() {
  const { attempt } = Route.useParams();
  return <CallPage key={attempt} attempt={attempt} />;
}
