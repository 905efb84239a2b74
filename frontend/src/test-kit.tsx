import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import {
  createMemoryHistory,
  createRootRoute,
  createRoute,
  createRouter,
  RouterProvider,
} from '@tanstack/react-router';
import { type RenderResult, render, screen } from '@testing-library/react';
import type { ReactNode } from 'react';
import { vi } from 'vitest';

/** Renders a part of the console with a router and an empty cache around it. */
export async function renderInApp(ui: ReactNode): Promise<RenderResult & { client: QueryClient }> {
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  const root = createRootRoute();
  const home = createRoute({
    getParentRoute: () => root,
    path: '/',
    component: () => <div data-testid="ready">{ui}</div>,
  });
  const rest = createRoute({
    getParentRoute: () => root,
    path: '$',
    component: () => <p>elsewhere</p>,
  });
  const router = createRouter({
    routeTree: root.addChildren([home, rest]),
    history: createMemoryHistory({ initialEntries: ['/'] }),
  });
  const result = render(
    <QueryClientProvider client={client}>
      <RouterProvider router={router as never} />
    </QueryClientProvider>,
  );
  await screen.findByTestId('ready');
  return { ...result, client };
}

/** What the console sent, with the answers it got. */
export interface Sent {
  method: string;
  path: string;
  body: unknown;
}

/** Answers the console's requests from a table `"METHOD /path" → [status, body]` and notes them down. */
export function answerRequests(table: Record<string, [number, unknown]>): Sent[] {
  const sent: Sent[] = [];
  vi.stubGlobal('fetch', async (request: Request) => {
    const path = new URL(request.url).pathname;
    const text = await request.text();
    sent.push({ method: request.method, path, body: text === '' ? null : JSON.parse(text) });
    const [status, body] = table[`${request.method} ${path}`] ?? [404, { title: 'No such route' }];
    return new Response(JSON.stringify(body), { status });
  });
  return sent;
}
