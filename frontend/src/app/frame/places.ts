import {
  Activity,
  Bot,
  FlaskConical,
  LayoutDashboard,
  type LucideIcon,
  ScrollText,
  Send,
  ShieldCheck,
  Stamp,
  Wrench,
} from 'lucide-react';

export interface Place {
  to:
    | '/'
    | '/runs'
    | '/approvals'
    | '/calls'
    | '/policies'
    | '/tools'
    | '/agents'
    | '/ledger'
    | '/simulator';
  word: string;
  icon: LucideIcon;
  /** The second key after `g`. */
  key: string;
  group: 'Work' | 'Govern' | 'Prove' | 'Practice';
}

export const PLACES: readonly Place[] = [
  { to: '/', word: 'Overview', icon: LayoutDashboard, key: 'o', group: 'Work' },
  { to: '/runs', word: 'Runs', icon: Activity, key: 'r', group: 'Work' },
  { to: '/approvals', word: 'Approvals', icon: Stamp, key: 'a', group: 'Work' },
  { to: '/calls', word: 'Calls', icon: Send, key: 'c', group: 'Work' },
  { to: '/policies', word: 'Policies', icon: ShieldCheck, key: 'p', group: 'Govern' },
  { to: '/tools', word: 'Tools', icon: Wrench, key: 't', group: 'Govern' },
  { to: '/agents', word: 'Agents', icon: Bot, key: 'g', group: 'Govern' },
  { to: '/ledger', word: 'Ledger', icon: ScrollText, key: 'l', group: 'Prove' },
  { to: '/simulator', word: 'Simulator', icon: FlaskConical, key: 's', group: 'Practice' },
];
