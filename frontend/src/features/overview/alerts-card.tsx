import { useQuery } from '@tanstack/react-query';
import { Play } from 'lucide-react';
import { worldQuery } from '@/api/queries';
import { escapeText } from '@/lib/escape';
import { AsyncList } from '@/ui/async-list';
import { Button } from '@/ui/button';
import { Card } from '@/ui/card';
import { Escaped } from '@/ui/quote';
import { openRunDialog } from '@/ui/run-request';
import { StateBadge } from '@/ui/state-badge';
import { Time } from '@/ui/time';
import { type AlertGroup, goalFor, groupAlerts } from './alerts';

const SHOWN = 8;

function AlertRow({ group }: { group: AlertGroup }) {
  const { alert, count } = group;
  return (
    <li className="flex flex-wrap items-center gap-x-3 gap-y-2 px-4 py-3">
      <div className="min-w-0 flex-1 basis-52 space-y-1">
        <div className="flex flex-wrap items-center gap-2">
          <StateBadge kind="severity" value={alert.severity} />
          <span className="font-semibold">
            <Escaped text={alert.resource_id} />
          </span>
          {count > 1 ? <span className="text-note text-muted">{count} alike</span> : null}
        </div>
        <p className="break-words">
          <Escaped text={alert.msg} />
        </p>
        <p className="text-note text-muted">
          {alert.symptom.replaceAll('_', ' ')} · <Time at={alert.opened_at} />
        </p>
      </div>
      <Button
        onClick={() => openRunDialog({ goal: goalFor(alert), alert: alert.id })}
        aria-label={`Run agent on this: ${escapeText(alert.resource_id)} ${alert.symptom}`}
      >
        <Play aria-hidden="true" size={14} />
        Run agent on this
      </Button>
    </li>
  );
}

/** What is wrong right now, each with the way to have an agent look at it. */
export function AlertsCard({ simulator }: { simulator: boolean | undefined }) {
  const query = useQuery({
    ...worldQuery,
    enabled: simulator === true,
    select: (world): AlertGroup[] => groupAlerts(world.alerts),
  });
  const none = <p>No open alerts.</p>;
  return (
    <Card title="Alerts" padding="flush" className="order-2 lg:order-none">
      {simulator === false ? (
        <div className="px-4 py-8 text-center text-muted">
          <p>No source of alerts is connected to this console.</p>
        </div>
      ) : (
        <AsyncList query={query} label="alerts" rows={2} empty={none}>
          {(groups) => (
            <ul className="divide-y divide-line">
              {groups.slice(0, SHOWN).map((group) => (
                <AlertRow key={group.alert.id} group={group} />
              ))}
              {groups.length > SHOWN ? (
                <li className="px-4 py-3 text-muted">and {groups.length - SHOWN} more kinds</li>
              ) : null}
            </ul>
          )}
        </AsyncList>
      )}
    </Card>
  );
}
