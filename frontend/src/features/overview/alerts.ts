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

/** Alerts that say the same of the same resource, under the first of them. */
export interface AlertGroup {
  alert: Alert;
  count: number;
}

/** Open alerts, those alike as one: a storm of them must not hide the others. */
export function groupAlerts(alerts: Alert[]): AlertGroup[] {
  const groups = new Map<string, AlertGroup>();
  for (const alert of openAlerts(alerts)) {
    const key = JSON.stringify([alert.resource_id, alert.severity, alert.symptom]);
    const group = groups.get(key);
    if (group) group.count += 1;
    else groups.set(key, { alert, count: 1 });
  }
  return [...groups.values()];
}

/** The goal that the Run agent dialog proposes for an alert. */
export function goalFor(alert: Alert): string {
  return `Restore ${alert.resource_id}: ${alert.symptom.replaceAll('_', ' ')}`;
}
