import type { JsonObject } from '@/api/types';
import { fromBase64, subtle } from './bytes';
import { isObject } from './canonical';

export interface Decoded {
  header: JsonObject;
  claims: JsonObject;
}

export interface Jwk {
  kty: string;
  crv?: string | null;
  kid?: string | null;
  x?: string | null;
}

/** What became of checking a signature in this browser. */
export type SignatureCheck =
  | { result: 'good'; kid: string }
  | { result: 'bad'; reason: string }
  | { result: 'not_checked'; reason: string };

function readPart(part: string): JsonObject | null {
  const bytes = fromBase64(part);
  if (!bytes) return null;
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

/** Opens a compact JWS for display. It decides nothing: the signature is not looked at here. */
export function decodeJws(jws: string): Decoded | null {
  const parts = jws.split('.');
  if (parts.length !== 3) return null;
  const [head = '', body = ''] = parts;
  const header = readPart(head);
  const claims = readPart(body);
  return header && claims ? { header, claims } : null;
}

/** Checks an Ed25519 signature against the published keys, with WebCrypto. */
export async function checkSignature(jws: string, keys: Jwk[]): Promise<SignatureCheck> {
  const decoded = decodeJws(jws);
  if (!decoded) return { result: 'bad', reason: 'this is not a signed document' };
  if (decoded.header.alg !== 'EdDSA') return { result: 'bad', reason: 'another algorithm' };
  const kid = typeof decoded.header.kid === 'string' ? decoded.header.kid : '';
  const key = keys.find((candidate) => candidate.kid === kid && candidate.kty === 'OKP');
  if (!key?.x) return { result: 'not_checked', reason: `key ${kid || '?'} is not published` };
  const crypto = subtle();
  if (!crypto) return { result: 'not_checked', reason: 'this page is not served securely' };
  const [head = '', body = '', tail = ''] = jws.split('.');
  const signature = fromBase64(tail);
  const raw = fromBase64(key.x);
  if (!signature || !raw) return { result: 'bad', reason: 'unreadable signature' };
  try {
    const publicKey = await crypto.importKey('raw', raw, { name: 'Ed25519' }, false, ['verify']);
    const message = new TextEncoder().encode(`${head}.${body}`);
    const good = await crypto.verify({ name: 'Ed25519' }, publicKey, signature, message);
    return good
      ? { result: 'good', kid }
      : { result: 'bad', reason: 'the signature does not match' };
  } catch {
    return { result: 'not_checked', reason: 'this browser cannot check Ed25519' };
  }
}
