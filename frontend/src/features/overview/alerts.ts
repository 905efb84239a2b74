import type { Alert } from '@/api/types';

const RANK: Record<string, number> = { critical: 0, warning: 1, info: 2 };

/** Open alerts, the most severe first, then the oldest. */
export function openAlerts(alerts: Alert[]): Alert[] {
  return alerts
    .filter((alert) => alert.status === 'open')
    .sort(
      (a, b) =>
        (RANK[a.severity] ?? 3) - (RANK[b.severity] ?? 3) || a.opened_at.localeCompare(b.opened_at),
    );
}

/** The goal that the Run agent dialog proposes for an alert. */
export function goalFor(alert: Alert): string {
  return `Restore ${alert.resource_id}: ${alert.symptom.replaceAll('_', ' ')}`;
}
