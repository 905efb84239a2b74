import type { Json, JsonObject } from '@/api/types';
import { isObject } from './canonical';
import { type Clock, formatTime } from './time';

function detail(claims: JsonObject): JsonObject {
  const list = claims.authorization_details;
  const first = Array.isArray(list) ? list[0] : undefined;
  return isObject(first) ? first : {};
}

function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

/** Seconds since 1970 as RFC 3339, or an empty string. */
export function epochIso(value: Json | undefined): string {
  return typeof value === 'number' ? new Date(value * 1000).toISOString() : '';
}

/** What a token permits, one limit a line, in words that need no knowledge of the format. */
export function tokenInWords(claims: JsonObject, clock: Clock, now: number): string[] {
  const call = detail(claims);
  const lines: string[] = [];
  const tool = text(call.tool);
  if (tool) lines.push(`only ${tool}`);
  if (call.params_sha256) lines.push('only exactly these parameters');
  if (call.request_sha256) lines.push('only this rendered request');
  if (call.definition_sha256) lines.push('only while the tool’s definition is unchanged');
  if (text(claims.sub)) lines.push(`only for agent ${text(claims.sub)}`);
  if (text(claims.aud)) lines.push(`only at enforcer ${text(claims.aud)}`);
  const exp = epochIso(claims.exp);
  if (exp) lines.push(`only until ${formatTime(exp, clock === 'relative' ? 'utc' : clock, now)}`);
  if (call.use === 'once') lines.push('once');
  if (call.use === 'lease') lines.push('any number of times until then (a read)');
  if (claims.approvals) lines.push('only together with its approvals');
  return lines;
}
