/** Decodes base64 or base64url, with or without padding. `null` if it is neither. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | null {
  const standard = text.replaceAll('-', '+').replaceAll('_', '/').replace(/=+$/, '');
  if (!/^[A-Za-z0-9+/]*$/.test(standard) || standard.length % 4 === 1) return null;
  const binary = atob(standard);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i += 1) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/** Lowercase hex. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The browser's crypto, or `null` where it is withheld (neither HTTPS nor localhost). */
export function subtle(): SubtleCrypto | null {
  return globalThis.crypto?.subtle ?? null;
}

/** SHA-256 of `bytes` as lowercase hex, or `null` without WebCrypto. */
export async function sha256Hex(bytes: Uint8Array<ArrayBuffer>): Promise<string | null> {
  const crypto = subtle();
  if (!crypto) return null;
  return toHex(new Uint8Array(await crypto.digest('SHA-256', bytes)));
}
