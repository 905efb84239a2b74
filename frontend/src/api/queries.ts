import { queryOptions } from '@tanstack/react-query';
import { readNewest } from '@/lib/newest';
import { serverNow } from '@/lib/now';
import { answered, authority, consoleServer, enforcer, planner, simulator } from './client';
import { streamIsLive } from './live';
import type { ApprovalView, LedgerEntry, ServiceName } from './types';

// With a live stream answers are renewed by events; without one they are asked for again.
const poll = () => (streamIsLive() ? false : 5_000);

export const metaQuery = queryOptions({
  queryKey: ['meta'],
  staleTime: 60_000,
  queryFn: ({ signal }) => answered(consoleServer.GET('/api/meta', { signal })),
});

const metaOf = {
  authority: (signal: AbortSignal) => answered(authority.GET('/v1/meta', { signal })),
  enforcer: (signal: AbortSignal) => answered(enforcer.GET('/v1/meta', { signal })),
  planner: (signal: AbortSignal) => answered(planner.GET('/v1/meta', { signal })),
  simulator: (signal: AbortSignal) => answered(simulator.GET('/v1/meta', { signal })),
};

/** A service's own word about itself, asked often: it is also how the console sees that it is gone. */
export const roleQuery = (service: ServiceName) =>
  queryOptions({
    queryKey: ['role', service],
    staleTime: 10_000,
    refetchInterval: 15_000,
    retry: false,
    queryFn: ({ signal }) => metaOf[service](signal),
  });

/** What a query knows so far. */
interface Asked<T> {
  state: { data: T | undefined };
}

/** Approvals expire without an event: the next expiry is a reason to ask again. */
function untilExpiry(approvals: ApprovalView[]): number | false {
  if (!streamIsLive()) return 5_000;
  const times = approvals
    .filter((approval) => approval.state === 'pending')
    .map((approval) => Date.parse(approval.expires_at) - serverNow() + 300);
  return times.length > 0 ? Math.max(1_000, Math.min(...times)) : false;
}

export const runsQuery = queryOptions({
  queryKey: ['runs', 'list'],
  refetchInterval: poll,
  queryFn: async ({ signal }) => (await answered(planner.GET('/v1/runs', { signal }))).runs,
});

export const runQuery = (run: string) =>
  queryOptions({
    queryKey: ['runs', 'one', run],
    refetchInterval: poll,
    queryFn: ({ signal }) =>
      answered(planner.GET('/v1/runs/{run_id}', { params: { path: { run_id: run } }, signal })),
  });

export const approvalsQuery = queryOptions({
  queryKey: ['approvals', 'list'],
  refetchInterval: (query: Asked<ApprovalView[]>) => untilExpiry(query.state.data ?? []),
  queryFn: async ({ signal }) =>
    (await answered(authority.GET('/v1/approvals', { signal }))).approvals,
});

export const approvalQuery = (id: string) =>
  queryOptions({
    queryKey: ['approvals', 'one', id],
    refetchInterval: (query: Asked<ApprovalView>) =>
      untilExpiry(query.state.data ? [query.state.data] : []),
    queryFn: ({ signal }) =>
      answered(
        authority.GET('/v1/approvals/{approval_id}', {
          params: { path: { approval_id: id } },
          signal,
        }),
      ),
  });

export const callsQuery = (state: string | undefined) =>
  queryOptions({
    queryKey: ['calls', 'list', state ?? 'all'],
    refetchInterval: poll,
    queryFn: async ({ signal }) => {
      const query = state === undefined ? { limit: 200 } : { limit: 200, state };
      return (await answered(enforcer.GET('/v1/calls', { params: { query }, signal }))).calls;
    },
  });

export const callQuery = (attempt: string) =>
  queryOptions({
    queryKey: ['calls', 'one', attempt],
    refetchInterval: poll,
    queryFn: ({ signal }) =>
      answered(enforcer.GET('/v1/calls/{attempt}', { params: { path: { attempt } }, signal })),
  });

export const refusalsQuery = queryOptions({
  queryKey: ['refusals'],
  refetchInterval: poll,
  queryFn: async ({ signal }) =>
    (await answered(enforcer.GET('/v1/refusals', { signal }))).refusals,
});

export const policiesQuery = queryOptions({
  queryKey: ['policies'],
  queryFn: ({ signal }) => answered(authority.GET('/v1/policies', { signal })),
});

export const toolsQuery = queryOptions({
  queryKey: ['tools'],
  queryFn: async ({ signal }) => (await answered(authority.GET('/v1/tools', { signal }))).tools,
});

export const agentsQuery = queryOptions({
  queryKey: ['agents'],
  queryFn: async ({ signal }) => (await answered(authority.GET('/v1/agents', { signal }))).agents,
});

export const controlQuery = queryOptions({
  queryKey: ['control'],
  refetchInterval: poll,
  queryFn: ({ signal }) => answered(authority.GET('/v1/control', { signal })),
});

export const worldQuery = queryOptions({
  queryKey: ['world'],
  refetchInterval: poll,
  queryFn: ({ signal }) => answered(simulator.GET('/v1/state', { signal })),
});

/** The two roles that keep a ledger and publish keys. */
export type Keeper = 'authority' | 'enforcer';

const lastSeen = { authority: -1, enforcer: -1 };

async function readEntries(
  keeper: Keeper,
  query: { after?: number; limit: number },
  signal: AbortSignal,
): Promise<LedgerEntry[]> {
  const options = { params: { query }, signal };
  const page =
    keeper === 'authority'
      ? answered(authority.GET('/v1/ledger/entries', options))
      : answered(enforcer.GET('/v1/ledger/entries', options));
  return (await page).entries;
}

export const ledgerQuery = (keeper: Keeper) =>
  queryOptions({
    queryKey: ['ledger', keeper],
    queryFn: async ({ signal }) => {
      const newest = await readNewest(
        (after, limit) => readEntries(keeper, after < 0 ? { limit } : { after, limit }, signal),
        lastSeen[keeper],
      );
      lastSeen[keeper] = newest.size - 1;
      return newest;
    },
  });

export const receiptKeysQuery = queryOptions({
  queryKey: ['keys', 'enforcer'],
  staleTime: 30_000,
  queryFn: async ({ signal }) =>
    (await answered(enforcer.GET('/.well-known/jwks.json', { signal }))).keys,
});
