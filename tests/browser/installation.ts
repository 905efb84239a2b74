import { readFileSync } from 'node:fs';

/** Where the installation under test is, and the keys to it. */
export interface Installation {
  consoleUrl: string;
  ready: {
    authority: string;
    enforcer: string;
    planner: string;
    simulator: string;
    console: string;
  };
  operatorKey: string;
  approverKeys: Record<string, string>;
  agentKeys: Record<string, string>;
}

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; use ./run`);
  return value;
}

/** Reads what `./run` prepared. */
export function installation(): Installation {
  const credentials = JSON.parse(readFileSync(required('COUNTERSIGN_CREDENTIALS'), 'utf8'));
  return {
    consoleUrl: required('COUNTERSIGN_CONSOLE_URL'),
    ready: JSON.parse(readFileSync(required('COUNTERSIGN_READY'), 'utf8')),
    operatorKey: credentials.operator_key,
    approverKeys: credentials.approver_keys,
    agentKeys: credentials.agent_keys,
  };
}

/** One JSON request to a service; fails unless the answer is a success. */
export async function call<T>(
  method: string,
  url: string,
  key: string,
  body?: unknown,
): Promise<T> {
  const response = await fetch(url, {
    method,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${text}`);
  return JSON.parse(text) as T;
}
