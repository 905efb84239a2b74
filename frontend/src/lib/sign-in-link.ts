import { createStore } from './store';

/** Why the sign-in link that was just opened did not work, if it did not. */
export const linkFailure = createStore<string | null>(null);

const PREFIX = '#signin=';

/** The one-time code in a fragment, if there is one. */
export function codeIn(hash: string): string | null {
  if (!hash.startsWith(PREFIX)) return null;
  try {
    return decodeURIComponent(hash.slice(PREFIX.length));
  } catch {
    return null;
  }
}
