import type { JsonObject } from '@/api/types';

/** What is shown of a service that the agent read; the answer's shape is the tool's. */
export interface SensedService {
  id: string;
  status: string | null;
  detail: string;
}

/** What is shown of an alert that the agent read. */
export interface SensedAlert {
  id: string;
  resource: string;
  severity: string | null;
  message: string;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Reads a service from a tool's answer. */
export function readService(service: JsonObject): SensedService {
  const { ready_replicas: ready, replicas, version } = service;
  const counts = typeof ready === 'number' ? [`${ready} of ${String(replicas)} ready`] : [];
  const versions = text(version) ? [text(version)] : [];
  return {
    id: text(service.id) || '?',
    status: text(service.status) || null,
    detail: [...counts, ...versions].join(' · '),
  };
}

/** Reads an alert from a tool's answer. */
export function readAlert(alert: JsonObject): SensedAlert {
  return {
    id: text(alert.id) || '?',
    resource: text(alert.resource_id) || '?',
    severity: text(alert.severity) || null,
    message: text(alert.msg),
  };
}
