import { queryOptions } from '@tanstack/react-query';
import type { Jwk } from '@/lib/jws';
import { readNewest } from '@/lib/newest';
import { serverNow } from '@/lib/now';
import { toProblem } from '@/lib/problem';
import { at, request } from './client';
import { streamIsLive } from './live';
import type {
  AgentView,
  ApprovalView,
  CallView,
  ConsoleMeta,
  ControlView,
  LedgerEntries,
  PoliciesView,
  Refusal,
  RoleMeta,
  RunView,
  ServiceName,
  Session,
  ToolView,
  WorldState,
} from './types';

// With a live stream answers are renewed by events; without one they are asked for again.
const poll = () => (streamIsLive() ? false : 5_000);

/** Who is signed in; `null` when nobody is. */
export const sessionQuery = queryOptions({
  queryKey: ['session'],
  staleTime: 60_000,
  retry: false,
  queryFn: async ({ signal }) => {
    try {
      return await request<Session>('GET', '/api/session', { signal });
    } catch (error) {
      if (toProblem(error).kind === 'signed_out') return null;
      throw error;
    }
  },
});

export const metaQuery = queryOptions({
  queryKey: ['meta'],
  staleTime: 60_000,
  queryFn: ({ signal }) => request<ConsoleMeta>('GET', '/api/meta', { signal }),
});

/** A service's own word about itself, asked often: it is also how the console sees that it is gone. */
export const roleQuery = (service: ServiceName) =>
  queryOptions({
    queryKey: ['role', service],
    staleTime: 10_000,
    refetchInterval: 15_000,
    retry: false,
    queryFn: ({ signal }) => request<RoleMeta>('GET', at(service, '/v1/meta'), { signal }),
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
  queryFn: async ({ signal }) =>
    (await request<{ runs: RunView[] }>('GET', at('planner', '/v1/runs'), { signal })).runs,
});

export const runQuery = (run: string) =>
  queryOptions({
    queryKey: ['runs', 'one', run],
    refetchInterval: poll,
    queryFn: ({ signal }) =>
      request<RunView>('GET', at('planner', `/v1/runs/${encodeURIComponent(run)}`), { signal }),
  });

export const approvalsQuery = queryOptions({
  queryKey: ['approvals', 'list'],
  refetchInterval: (query: Asked<ApprovalView[]>) => untilExpiry(query.state.data ?? []),
  queryFn: async ({ signal }) =>
    (
      await request<{ approvals: ApprovalView[] }>('GET', at('authority', '/v1/approvals'), {
        signal,
      })
    ).approvals,
});

export const approvalQuery = (id: string) =>
  queryOptions({
    queryKey: ['approvals', 'one', id],
    refetchInterval: (query: Asked<ApprovalView>) =>
      untilExpiry(query.state.data ? [query.state.data] : []),
    queryFn: ({ signal }) =>
      request<ApprovalView>('GET', at('authority', `/v1/approvals/${encodeURIComponent(id)}`), {
        signal,
      }),
  });

export const callsQuery = (state: string | undefined) =>
  queryOptions({
    queryKey: ['calls', 'list', state ?? 'all'],
    refetchInterval: poll,
    queryFn: async ({ signal }) =>
      (
        await request<{ calls: CallView[] }>('GET', at('enforcer', '/v1/calls'), {
          query: { state, limit: 200 },
          signal,
        })
      ).calls,
  });

export const refusalsQuery = queryOptions({
  queryKey: ['refusals'],
  refetchInterval: poll,
  queryFn: async ({ signal }) =>
    (await request<{ refusals: Refusal[] }>('GET', at('enforcer', '/v1/refusals'), { signal }))
      .refusals,
});

export const policiesQuery = queryOptions({
  queryKey: ['policies'],
  queryFn: ({ signal }) =>
    request<PoliciesView>('GET', at('authority', '/v1/policies'), { signal }),
});

export const toolsQuery = queryOptions({
  queryKey: ['tools'],
  queryFn: async ({ signal }) =>
    (await request<{ tools: ToolView[] }>('GET', at('authority', '/v1/tools'), { signal })).tools,
});

export const agentsQuery = queryOptions({
  queryKey: ['agents'],
  queryFn: async ({ signal }) =>
    (await request<{ agents: AgentView[] }>('GET', at('authority', '/v1/agents'), { signal }))
      .agents,
});

export const controlQuery = queryOptions({
  queryKey: ['control'],
  refetchInterval: poll,
  queryFn: ({ signal }) => request<ControlView>('GET', at('authority', '/v1/control'), { signal }),
});

export const worldQuery = queryOptions({
  queryKey: ['world'],
  refetchInterval: poll,
  queryFn: ({ signal }) => request<WorldState>('GET', at('simulator', '/v1/state'), { signal }),
});

const lastSeen = { authority: -1, enforcer: -1 };

export const ledgerQuery = (service: 'authority' | 'enforcer') =>
  queryOptions({
    queryKey: ['ledger', service],
    queryFn: async ({ signal }) => {
      const read = async (after: number, limit: number) => {
        const query = { after: after < 0 ? undefined : after, limit };
        const path = at(service, '/v1/ledger/entries');
        return (await request<LedgerEntries>('GET', path, { query, signal })).entries;
      };
      const newest = await readNewest(read, lastSeen[service]);
      lastSeen[service] = newest.size - 1;
      return newest;
    },
  });

export const keysQuery = (service: 'authority' | 'enforcer') =>
  queryOptions({
    queryKey: ['keys', service],
    staleTime: 30_000,
    queryFn: async ({ signal }) =>
      (await request<{ keys: Jwk[] }>('GET', at(service, '/.well-known/jwks.json'), { signal }))
        .keys,
  });
