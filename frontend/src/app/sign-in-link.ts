import type { QueryClient } from '@tanstack/react-query';
import { signIn } from '@/api/session';
import { problemLine } from '@/lib/problem';
import { codeIn, linkFailure } from '@/lib/sign-in-link';

/** Exchanges the one-time code of a sign-in link, after removing it from the address and the history. Says whether there was one. */
export async function consumeSignInLink(client: QueryClient): Promise<boolean> {
  const { hash, pathname, search } = window.location;
  const code = codeIn(hash);
  if (code === null) return false;
  window.history.replaceState(null, '', pathname + search);
  try {
    await signIn({ code });
    await client.invalidateQueries({ queryKey: ['session'] });
  } catch (error) {
    linkFailure.set(problemLine(error));
  }
  return true;
}
