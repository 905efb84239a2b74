import type { Service } from '@/api/types';
import { StateBadge } from './state-badge';

function percent(value: number | null | undefined): string {
  return value === null || value === undefined ? '–' : `${Math.round(value)} %`;
}

function errors(rate: number | null | undefined): string {
  if (rate === null || rate === undefined) return '–';
  const value = rate * 100;
  return `${value > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} %`;
}

function milliseconds(value: number | null | undefined): string {
  return value === null || value === undefined ? '–' : `${Math.round(value)} ms`;
}

const HEAD =
  'px-2 py-2 text-left text-note font-medium whitespace-nowrap text-muted first:pl-4 last:pr-4';
const CELL = 'px-2 py-2 align-top first:pl-4 last:pr-4';
const WIDE = 'hidden xl:table-cell';
const MIDDLE = 'hidden sm:table-cell';

function Row({ service }: { service: Service }) {
  const depends = service.depends_on ?? [];
  const short = service.ready_replicas < service.replicas;
  return (
    <tr className="border-t border-line" data-service={service.id}>
      <th scope="row" className={`${CELL} text-left font-normal`}>
        <span className="block font-semibold">{service.id}</span>
        <span className="text-note whitespace-nowrap text-muted">
          {[service.env, service.tier].filter(Boolean).join(' · ')}
        </span>
      </th>
      <td className={CELL}>
        <StateBadge kind="service" value={service.status} />
      </td>
      <td className={`${CELL} whitespace-nowrap ${short ? 'font-semibold text-deny-ink' : ''}`}>
        {service.ready_replicas} of {service.replicas}
        <span className="sr-only"> ready</span>
      </td>
      <td className={`${CELL} font-mono text-dense whitespace-nowrap`}>{service.version}</td>
      <td className={`${CELL} ${MIDDLE} whitespace-nowrap`}>{milliseconds(service.latency_ms)}</td>
      <td className={`${CELL} ${MIDDLE} whitespace-nowrap`}>{errors(service.error_rate)}</td>
      <td className={`${CELL} ${WIDE} whitespace-nowrap`}>{percent(service.cpu_percent)}</td>
      <td className={`${CELL} ${WIDE} whitespace-nowrap`}>{percent(service.memory_percent)}</td>
      <td className={`${CELL} ${MIDDLE}`}>
        {depends.length > 0 ? depends.join(', ') : <span className="text-muted">none</span>}
      </td>
    </tr>
  );
}

/** Services with state, replicas, version, figures and what they depend on. */
export function ServiceTable({ services }: { services: Service[] }) {
  return (
    <table className="w-full border-collapse text-dense">
      <thead>
        <tr>
          <th scope="col" className={HEAD}>
            Service
          </th>
          <th scope="col" className={HEAD}>
            State
          </th>
          <th scope="col" className={HEAD}>
            Replicas
          </th>
          <th scope="col" className={HEAD}>
            Version
          </th>
          <th scope="col" className={`${HEAD} ${MIDDLE}`}>
            Latency
          </th>
          <th scope="col" className={`${HEAD} ${MIDDLE}`}>
            Errors
          </th>
          <th scope="col" className={`${HEAD} ${WIDE}`}>
            CPU
          </th>
          <th scope="col" className={`${HEAD} ${WIDE}`}>
            Memory
          </th>
          <th scope="col" className={`${HEAD} ${MIDDLE}`}>
            Depends on
          </th>
        </tr>
      </thead>
      <tbody>
        {services.map((service) => (
          <Row key={service.id} service={service} />
        ))}
      </tbody>
    </table>
  );
}
