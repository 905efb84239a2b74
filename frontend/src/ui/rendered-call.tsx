import type { RenderedCall } from '@/api/types';
import { LongText } from './quote';

/** The request as it will be sent: nothing an agent said, everything that goes out. */
export function RenderedCallView({ call }: { call: RenderedCall }) {
  const query = call.query.map((pair) => pair.join('=')).join('&');
  const headers = Object.entries(call.headers);
  const body =
    call.body === undefined || call.body === null ? null : JSON.stringify(call.body, null, 2);
  return (
    <div className="rounded-md bg-sunken p-3 font-mono text-dense">
      <p className="break-words">
        <span className="font-semibold">{call.method}</span>{' '}
        <span className="text-muted">{call.upstream}:</span>
        <LongText text={query ? `${call.path}?${query}` : call.path} />
      </p>
      {headers.map(([name, value]) => (
        <p key={name} className="break-words text-muted">
          <LongText text={`${name}: ${value}`} />
        </p>
      ))}
      {body === null ? (
        <p className="mt-1 text-muted">no body</p>
      ) : (
        <div className="mt-1 break-words whitespace-pre-wrap">
          <LongText text={body} />
        </div>
      )}
    </div>
  );
}
