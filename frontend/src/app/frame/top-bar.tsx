import { Menu } from '@base-ui/react/menu';
import { useQueryClient } from '@tanstack/react-query';
import { useRouter } from '@tanstack/react-router';
import {
  CircleCheck,
  Clock,
  LogOut,
  MonitorCog,
  Moon,
  Sun,
  TriangleAlert,
  User,
} from 'lucide-react';
import { stopLive, useLive } from '@/api/live';
import { signOut } from '@/api/session';
import type { Session } from '@/api/types';
import { type Display, setDisplay, type Theme, useDisplay } from '@/lib/display';
import type { Clock as ClockKind } from '@/lib/time';
import { Choice, Dropdown, MENU_ITEM } from '@/ui/menu';

const CLOCKS = [
  { value: 'local', word: 'Local time' },
  { value: 'utc', word: 'UTC' },
  { value: 'relative', word: 'Relative' },
] as const satisfies readonly { value: ClockKind; word: string }[];

const THEMES = [
  { value: 'system', word: 'As the system' },
  { value: 'light', word: 'Light' },
  { value: 'dark', word: 'Dark' },
] as const satisfies readonly { value: Theme; word: string }[];

const SHORTCUTS = [
  { value: 'on', word: 'Single keys on' },
  { value: 'off', word: 'Single keys off' },
] as const satisfies readonly { value: Display['shortcuts']; word: string }[];

const THEME_ICON = { system: MonitorCog, light: Sun, dark: Moon };

function LiveMark() {
  const { state } = useLive();
  const live = state === 'live';
  const Icon = live ? CircleCheck : TriangleAlert;
  const words = { live: 'live', connecting: 'connecting', stopped: 'not live' };
  return (
    <span
      role="status"
      className={`flex items-center gap-1.5 px-2 text-dense ${live ? 'text-allow-ink' : 'text-muted'}`}
    >
      <Icon aria-hidden="true" size={14} />
      {words[state]}
    </span>
  );
}

function SessionMenu({ session }: { session: Session }) {
  const client = useQueryClient();
  const router = useRouter();
  const { shortcuts } = useDisplay();
  const leave = async () => {
    try {
      await signOut();
    } finally {
      stopLive();
      client.clear();
      client.setQueryData(['session'], null);
      await router.navigate({ to: '/sign-in', search: {} });
    }
  };
  return (
    <Dropdown
      label={`${session.operator}: session menu`}
      trigger={
        <>
          <User aria-hidden="true" size={16} />
          <span className="hidden max-w-32 truncate sm:inline">{session.operator}</span>
        </>
      }
    >
      <div className="px-2.5 py-2">
        <p className="font-medium">{session.operator}</p>
        <p className="text-note text-muted">
          {session.roles.length > 0 ? `roles: ${session.roles.join(', ')}` : 'no roles'}
        </p>
      </div>
      <Menu.Separator className="my-1 h-px bg-line" />
      <Choice
        name="Keyboard"
        value={shortcuts}
        options={SHORTCUTS}
        onChange={(next) => setDisplay({ shortcuts: next })}
      />
      <Menu.Separator className="my-1 h-px bg-line" />
      <Menu.Item className={MENU_ITEM} onClick={() => void leave()}>
        <LogOut aria-hidden="true" size={16} />
        Sign out
      </Menu.Item>
    </Dropdown>
  );
}

/** What stands above every screen: liveness, clock, theme, who is signed in. */
export function TopBar({ session }: { session: Session }) {
  const { theme, clock } = useDisplay();
  const ThemeIcon = THEME_ICON[theme];
  const clockWord = CLOCKS.find((option) => option.value === clock)?.word ?? 'Time';
  return (
    <div className="flex min-w-0 items-center justify-end gap-1">
      <LiveMark />
      <Dropdown
        label={`Times: ${clockWord}`}
        trigger={
          <>
            <Clock aria-hidden="true" size={16} />
            <span className="hidden lg:inline">{clockWord}</span>
          </>
        }
      >
        <Choice
          name="Times"
          value={clock}
          options={CLOCKS}
          onChange={(next) => setDisplay({ clock: next })}
        />
      </Dropdown>
      <Dropdown label="Theme" trigger={<ThemeIcon aria-hidden="true" size={16} />}>
        <Choice
          name="Theme"
          value={theme}
          options={THEMES}
          onChange={(next) => setDisplay({ theme: next })}
        />
      </Dropdown>
      <SessionMenu session={session} />
    </div>
  );
}
