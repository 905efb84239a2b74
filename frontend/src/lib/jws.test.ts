import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { JsonObject } from '@/api/types';
import { checkSignature, decodeJws, type Jwk } from './jws';

function base64url(bytes: Uint8Array): string {
  const text = btoa(String.fromCharCode(...bytes));
  return text.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

const utf8 = (text: string) => new TextEncoder().encode(text);

let privateKey: CryptoKey;
let published: Jwk;

async function seal(claims: JsonObject, header: JsonObject = {}): Promise<string> {
  const full = { alg: 'EdDSA', kid: 'k1', typ: 'receipt+jwt', ...header };
  const parts = [full, claims].map((part) => base64url(utf8(JSON.stringify(part))));
  const message = parts.join('.');
  const signature = await crypto.subtle.sign({ name: 'Ed25519' }, privateKey, utf8(message));
  return `${message}.${base64url(new Uint8Array(signature))}`;
}

beforeAll(async () => {
  const pair = (await crypto.subtle.generateKey({ name: 'Ed25519' }, true, [
    'sign',
    'verify',
  ])) as CryptoKeyPair;
  privateKey = pair.privateKey;
  const jwk = await crypto.subtle.exportKey('jwk', pair.publicKey);
  published = { kty: 'OKP', crv: 'Ed25519', kid: 'k1', x: jwk.x };
});

afterEach(() => vi.unstubAllGlobals());

describe('decodeJws', () => {
  it('opens header and claims', async () => {
    const decoded = decodeJws(await seal({ outcome: 'done', note: 'ü' }));
    expect(decoded?.header.kid).toBe('k1');
    expect(decoded?.claims).toEqual({ outcome: 'done', note: 'ü' });
  });

  it.each(['', 'a.b', 'a.b.c', '!.!.!', 'W10.W10.W10'])('refuses %j', (text) => {
    expect(decodeJws(text)).toBeNull();
  });
});

describe('checkSignature', () => {
  it('accepts what the published key signed', async () => {
    expect(await checkSignature(await seal({ a: 1 }), [published])).toEqual({
      result: 'good',
      kid: 'k1',
    });
  });

  it('refuses changed claims, a swapped signature and another algorithm', async () => {
    const [head, , tail] = (await seal({ a: 1 })).split('.');
    const [, otherBody] = (await seal({ a: 2 })).split('.');
    expect((await checkSignature(`${head}.${otherBody}.${tail}`, [published])).result).toBe('bad');
    const none = await seal({ a: 1 }, { alg: 'none' });
    expect((await checkSignature(none, [published])).result).toBe('bad');
  });

  it('does not claim to have checked what it could not', async () => {
    const jws = await seal({ a: 1 });
    expect((await checkSignature(jws, [])).result).toBe('not_checked');
    vi.stubGlobal('crypto', {});
    expect((await checkSignature(jws, [published])).result).toBe('not_checked');
  });
});
