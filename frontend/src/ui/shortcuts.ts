import { useEffect } from 'react';
import { currentDisplay } from '@/lib/display';

/** Keys of one screen: a key, or two in a row (`g o`), and what they do. */
export type Keys = Record<string, () => void>;

const EDITABLE = 'input, textarea, select, [contenteditable], [role="dialog"], [role="menu"]';
const SECOND_KEY_MS = 1200;

function ignored(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || event.repeat) {
    return true;
  }
  if (currentDisplay().shortcuts === 'off') return true;
  const target = event.target;
  if (target instanceof Element && target.closest(EDITABLE)) return true;
  return document.querySelector('[role="dialog"], [role="alertdialog"]') !== null;
}

/** Listens for single keys while the component is there; silent in fields, dialogs and when switched off. */
export function useShortcuts(keys: Keys): void {
  useEffect(() => {
    let first: string | null = null;
    let firstAt = 0;
    const onKey = (event: KeyboardEvent) => {
      if (ignored(event)) return;
      const fresh = first !== null && event.timeStamp - firstAt < SECOND_KEY_MS;
      const combined = fresh ? `${first} ${event.key}` : event.key;
      const action = Object.hasOwn(keys, combined) ? keys[combined] : undefined;
      const opens = Object.keys(keys).some((key) => key.startsWith(`${event.key} `));
      first = !fresh && opens ? event.key : null;
      firstAt = event.timeStamp;
      if (!action) return;
      event.preventDefault();
      first = null;
      action();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [keys]);
}
