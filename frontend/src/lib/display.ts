import { isObject } from './canonical';
import { createStore, useStore } from './store';
import type { Clock } from './time';

export type Theme = 'system' | 'light' | 'dark';

/** What a person chose about how the console looks; kept in this browser only. */
export interface Display {
  theme: Theme;
  clock: Clock;
  shortcuts: 'on' | 'off';
}

const KEY = 'countersign.display';
const DEFAULTS: Display = { theme: 'system', clock: 'local', shortcuts: 'on' };

function oneOf<T extends string>(value: unknown, allowed: readonly T[], fallback: T): T {
  return allowed.find((item) => item === value) ?? fallback;
}

/** Reads stored settings; whatever is odd in them falls back to the default. */
export function readDisplay(stored: string | null): Display {
  let value: unknown = null;
  try {
    value = JSON.parse(stored ?? 'null');
  } catch {
    return DEFAULTS;
  }
  if (!isObject(value)) return DEFAULTS;
  return {
    theme: oneOf<Theme>(value.theme, ['system', 'light', 'dark'], DEFAULTS.theme),
    clock: oneOf<Clock>(value.clock, ['local', 'utc', 'relative'], DEFAULTS.clock),
    shortcuts: oneOf(value.shortcuts, ['on', 'off'], DEFAULTS.shortcuts),
  };
}

function load(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

const store = createStore<Display>(readDisplay(load()));

function applyTheme(theme: Theme): void {
  const dark =
    theme === 'dark' || (theme === 'system' && matchMedia('(prefers-color-scheme: dark)').matches);
  document.documentElement.dataset.theme = dark ? 'dark' : 'light';
}

/** Follows the system's theme from now on, where the person did not choose one. */
export function watchTheme(): void {
  applyTheme(store.get().theme);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    applyTheme(store.get().theme);
  });
}

/** Changes settings, applies and keeps them. */
export function setDisplay(change: Partial<Display>): void {
  const next = { ...store.get(), ...change };
  store.set(next);
  applyTheme(next.theme);
  try {
    localStorage.setItem(KEY, JSON.stringify(next));
  } catch {
    // Private windows may refuse; the choice then lasts until the page closes.
  }
}

/** The settings, as they are now. */
export function currentDisplay(): Display {
  return store.get();
}

/** The settings, inside a component. */
export function useDisplay(): Display {
  return useStore(store);
}
