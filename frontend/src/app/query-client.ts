import { QueryCache, QueryClient } from '@tanstack/react-query';
import { toProblem } from '@/lib/problem';

/** The cache of everything the services said. */
export function createQueryClient(): QueryClient {
  const client: QueryClient = new QueryClient({
    queryCache: new QueryCache({
      onError: (error, query) => {
        // A refused request may mean that the session is over: ask about it, and let the answer decide.
        if (query.queryKey[0] !== 'session' && toProblem(error).kind === 'signed_out') {
          void client.invalidateQueries({ queryKey: ['session'] });
        }
      },
    }),
    defaultOptions: {
      queries: {
        staleTime: 15_000,
        refetchOnWindowFocus: true,
        refetchOnReconnect: true,
        retry: (count, error) => count < 2 && toProblem(error).kind === 'unreachable',
        retryDelay: (attempt) => Math.min(1000 * 2 ** attempt, 10_000),
      },
      mutations: { retry: false },
    },
  });
  return client;
}
