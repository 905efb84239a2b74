import type { RenderedCall } from '@/api/types';
import { sha256Hex } from './bytes';
import { canonical } from './canonical';

const UTF8 = new TextEncoder();

/** The fields one after the other, each preceded by its length as eight big-endian bytes. */
export function lengthPrefixed(fields: readonly string[]): Uint8Array<ArrayBuffer> {
  const parts = fields.map((field) => UTF8.encode(field));
  const total = parts.reduce((sum, part) => sum + 8 + part.length, 0);
  const out = new Uint8Array(total);
  const view = new DataView(out.buffer);
  let at = 0;
  for (const part of parts) {
    view.setBigUint64(at, BigInt(part.length));
    out.set(part, at + 8);
    at += 8 + part.length;
  }
  return out;
}

/** `request_sha256` of a rendered call, or `null` without WebCrypto. */
export function requestSha256(call: RenderedCall): Promise<string | null> {
  const body = call.body ?? null;
  return sha256Hex(
    lengthPrefixed([
      call.upstream,
      call.method,
      call.path,
      canonical(call.query),
      canonical(call.headers),
      body === null ? 'none' : 'json',
      body === null ? '' : canonical(body),
    ]),
  );
}
