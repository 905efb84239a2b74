/** The classes of a text field. */
export const FIELD =
  'block w-full rounded-md border border-control bg-surface px-3 py-2 text-text placeholder:text-muted disabled:bg-sunken disabled:text-muted';
