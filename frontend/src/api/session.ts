import { queryOptions } from '@tanstack/react-query';
import { toProblem } from '@/lib/problem';
import { answered, consoleServer } from './client';

/** Who is signed in; `null` when nobody is. */
export const sessionQuery = queryOptions({
  queryKey: ['session'],
  staleTime: 60_000,
  retry: false,
  queryFn: async ({ signal }) => {
    try {
      return await answered(consoleServer.GET('/api/session', { signal }));
    } catch (error) {
      if (toProblem(error).kind === 'signed_out') return null;
      throw error;
    }
  },
});

export function signIn(credential: { code: string } | { key: string }) {
  return answered(consoleServer.POST('/api/session', { body: credential }));
}

export function signOut() {
  return answered(consoleServer.DELETE('/api/session'));
}
