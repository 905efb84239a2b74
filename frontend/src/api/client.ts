import createClient from 'openapi-fetch';
import { ApiError, problemFrom } from '@/lib/problem';
import type { paths as AuthorityPaths } from './generated/authority';
import type { paths as ConsolePaths } from './generated/console';
import type { paths as EnforcerPaths } from './generated/enforcer';
import type { paths as PlannerPaths } from './generated/planner';
import type { paths as SimulatorPaths } from './generated/simulator';

const origin = globalThis.location.origin;
// Looked up on each request, so that tests can stand in for the network.
const send = (request: Request) => globalThis.fetch(request);

export const consoleServer = createClient<ConsolePaths>({ baseUrl: origin, fetch: send });
export const authority = createClient<AuthorityPaths>({
  baseUrl: `${origin}/api/authority`,
  fetch: send,
});
export const enforcer = createClient<EnforcerPaths>({
  baseUrl: `${origin}/api/enforcer`,
  fetch: send,
});
export const planner = createClient<PlannerPaths>({
  baseUrl: `${origin}/api/planner`,
  fetch: send,
});
export const simulator = createClient<SimulatorPaths>({
  baseUrl: `${origin}/api/simulator`,
  fetch: send,
});

interface Answer {
  data?: unknown;
  error?: unknown;
  response: Response;
}

/** The data of a successful answer. */
type Data<A extends Answer> = Exclude<A['data'], undefined>;

/** Waits for the answer to a request and gives its data; fails with an `ApiError` that carries the problem. */
export async function answered<A extends Answer>(request: Promise<A>): Promise<Data<A>> {
  const { data, error, response } = await request;
  if (!response.ok) {
    throw new ApiError(problemFrom(response.status, error, response.headers.get('x-request-id')));
  }
  // The status says success, and then the client has filled in the data that the description promises.
  return data as Data<A>;
}
