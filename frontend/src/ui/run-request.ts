import { createStore, useStore } from '@/lib/store';

/** What the Run agent dialog opens with. */
export interface RunDraft {
  goal: string;
  /** The alert that it is about, if any. */
  alert?: string;
}

const draft = createStore<RunDraft | null>(null);

/** Opens the Run agent dialog, from wherever. */
export function openRunDialog(next: RunDraft = { goal: '' }): void {
  draft.set(next);
}

export function closeRunDialog(): void {
  draft.set(null);
}

export function useRunDraft(): RunDraft | null {
  return useStore(draft);
}
