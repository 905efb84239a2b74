import type { QueryClient } from '@tanstack/react-query';
import { createRootRouteWithContext, Link, Outlet } from '@tanstack/react-router';

interface Context {
  client: QueryClient;
}

function NotFound() {
  return (
    <div className="mx-auto max-w-[72ch] p-6">
      <h1 className="text-page font-semibold">There is no such page</h1>
      <p className="mt-2 text-muted">The address may be old or mistyped.</p>
      <p className="mt-4">
        <Link to="/" className="text-accent underline underline-offset-2">
          Go to the overview
        </Link>
      </p>
    </div>
  );
}

export const Route = createRootRouteWithContext<Context>()({
  component: Outlet,
  notFoundComponent: NotFound,
});
