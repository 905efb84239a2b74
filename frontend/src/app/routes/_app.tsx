import { useQuery } from '@tanstack/react-query';
import {
  createFileRoute,
  type ErrorComponentProps,
  Navigate,
  redirect,
} from '@tanstack/react-router';
import { sessionQuery } from '@/api/session';
import { Frame } from '@/app/frame/frame';
import { ProblemView } from '@/ui/problem-view';

export const Route = createFileRoute('/_app')({
  beforeLoad: async ({ context, location }) => {
    const session = await context.client.ensureQueryData(sessionQuery);
    if (session === null) {
      const next = location.href === '/' ? {} : { next: location.href };
      throw redirect({ to: '/sign-in', search: next });
    }
  },
  component: SignedIn,
  errorComponent: Failed,
});

function SignedIn() {
  const session = useQuery(sessionQuery);
  if (session.data) return <Frame session={session.data} />;
  if (session.isPending) return null;
  const next = window.location.pathname + window.location.search + window.location.hash;
  return <Navigate to="/sign-in" search={{ next }} />;
}

function Failed({ error, reset }: ErrorComponentProps) {
  return (
    <main className="mx-auto max-w-[72ch] p-6">
      <h1 className="px-4 text-page font-semibold">The console cannot start</h1>
      <ProblemView error={error} onRetry={reset} />
    </main>
  );
}
