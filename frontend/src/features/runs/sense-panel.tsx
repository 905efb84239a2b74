import type { Sensed } from '@/api/types';
import { readAlert, readService } from '@/lib/sensed';
import { Card } from '@/ui/card';
import { Escaped } from '@/ui/quote';
import { StateBadge } from '@/ui/state-badge';
import { Time } from '@/ui/time';

/** What the agent read before it planned: tool answers, so data and not instructions. */
export function SensePanel({ sense }: { sense: Sensed }) {
  const services = sense.services.map(readService);
  const alerts = sense.alerts.map(readAlert);
  if (services.length === 0 && alerts.length === 0) return null;
  return (
    <Card
      title="Sensed"
      aside={
        sense.at ? (
          <>
            read <Time at={sense.at} /> · tool answers, treated as data
          </>
        ) : (
          'tool answers, treated as data'
        )
      }
    >
      <div className="grid gap-x-8 gap-y-4 md:grid-cols-2">
        <ul className="space-y-1.5" aria-label="Services read">
          {services.map((service) => (
            <li key={service.id} className="flex items-center gap-2">
              <StateBadge kind="service" value={service.status} />
              <span className="font-medium">
                <Escaped text={service.id} />
              </span>
              <span className="text-note text-muted">
                <Escaped text={service.detail} />
              </span>
            </li>
          ))}
        </ul>
        <ul className="space-y-1.5" aria-label="Alerts read">
          {alerts.length === 0 ? <li className="text-muted">No open alerts.</li> : null}
          {alerts.slice(0, 20).map((alert) => (
            <li key={alert.id} className="flex items-start gap-2">
              <StateBadge kind="severity" value={alert.severity} />
              <span className="min-w-0 break-words">
                <Escaped text={alert.resource} />: <Escaped text={alert.message} />
              </span>
            </li>
          ))}
          {alerts.length > 20 ? (
            <li className="text-muted">and {alerts.length - 20} more open alerts</li>
          ) : null}
        </ul>
      </div>
    </Card>
  );
}
