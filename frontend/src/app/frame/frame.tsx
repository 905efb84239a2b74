import { CSPProvider } from '@base-ui/react/csp-provider';
import { useQueryClient } from '@tanstack/react-query';
import { Outlet, useNavigate, useRouterState } from '@tanstack/react-router';
import { Play } from 'lucide-react';
import { lazy, Suspense, useEffect, useMemo, useState } from 'react';
import { startLive } from '@/api/live';
import type { Session } from '@/api/types';
import { Button } from '@/ui/button';
import { openRunDialog, useRunDraft } from '@/ui/run-request';
import { useShortcuts } from '@/ui/shortcuts';
import { Banners } from './banners';
import { KeysDialog } from './keys-dialog';
import { BottomNav, SideNav } from './nav';
import { PLACES } from './places';
import { TopBar } from './top-bar';

const RunDialog = lazy(() =>
  import('@/features/runs/run-dialog').then((module) => ({ default: module.RunDialog })),
);

function Brand() {
  return (
    <span className="flex items-center gap-2 font-semibold">
      <img src="/favicon.svg" alt="" width={22} height={22} />
      <span className="hidden md:inline">Countersign</span>
      <span className="sr-only md:hidden">Countersign</span>
    </span>
  );
}

/** After a change of screen the focus is on the new heading, unless it is still somewhere useful. */
function useHeardNavigation(): void {
  const path = useRouterState({ select: (state) => state.resolvedLocation?.pathname });
  const [first, setFirst] = useState(path);
  useEffect(() => {
    if (path === first || path === undefined) return;
    setFirst(path);
    const heading = document.querySelector<HTMLElement>('main h1');
    heading?.focus({ preventScroll: true });
  }, [path, first]);
}

/** Everything around the screens. */
export function Frame({ session }: { session: Session }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const draft = useRunDraft();
  const [keysOpen, setKeysOpen] = useState(false);
  useEffect(() => startLive(client), [client]);
  useHeardNavigation();
  const keys = useMemo(() => {
    const places = PLACES.map((place): [string, () => void] => [
      `g ${place.key}`,
      () => void navigate({ to: place.to }),
    ]);
    return {
      ...Object.fromEntries(places),
      n: () => openRunDialog(),
      '?': () => setKeysOpen(true),
    };
  }, [navigate]);
  useShortcuts(keys);
  return (
    <CSPProvider disableStyleElements>
      <a href="#main" className="skip-link">
        Skip to content
      </a>
      <div className="grid min-h-dvh grid-cols-[auto_minmax(0,1fr)] grid-rows-[auto_1fr] md:grid-cols-[14rem_minmax(0,1fr)]">
        <div className="sticky top-0 z-20 flex items-center gap-3 border-b border-line bg-surface px-4 py-1.5 md:row-span-2 md:h-dvh md:flex-col md:items-stretch md:gap-0 md:border-r md:border-b-0 md:px-0 md:py-0">
          <div className="flex items-center gap-3 md:flex-col md:items-stretch md:gap-4 md:p-4">
            <Brand />
            <Button look="primary" onClick={() => openRunDialog()} aria-keyshortcuts="n">
              <Play aria-hidden="true" size={15} fill="currentColor" />
              Run agent
            </Button>
          </div>
          <SideNav />
        </div>
        <header className="sticky top-0 z-20 flex items-center justify-end border-b border-line bg-surface px-2 py-1.5 md:px-4">
          <TopBar session={session} />
        </header>
        <div className="col-span-2 min-w-0 pb-20 md:col-span-1 md:pb-0">
          <Banners />
          <main id="main" tabIndex={-1} className="outline-none">
            <Outlet />
          </main>
        </div>
      </div>
      <BottomNav />
      {draft ? (
        <Suspense fallback={null}>
          <RunDialog draft={draft} />
        </Suspense>
      ) : null}
      <KeysDialog open={keysOpen} onClose={() => setKeysOpen(false)} />
    </CSPProvider>
  );
}
