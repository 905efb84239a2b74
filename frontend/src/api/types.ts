/** The services' JSON as the console reads it. Absent and null mean the same: not known or not applicable. */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };
type Maybe<T> = T | null | undefined;

export type Effect = 'read' | 'service' | 'destructive' | 'data';
export type Verdict = 'allow' | 'deny' | 'needs_approval';
export type ServiceName = 'authority' | 'enforcer' | 'planner' | 'simulator';

export interface Session {
  operator: string;
  roles: string[];
}

export interface ConsoleMeta {
  simulator?: boolean;
  demo?: boolean;
}

export interface RoleMeta {
  role: string;
  version: string;
  time: string;
  isolation?: Maybe<string>;
}

export interface Reason {
  code: string;
  message: string;
  policy?: Maybe<string>;
}

export interface RenderedCall {
  upstream: string;
  method: string;
  path: string;
  query?: Maybe<[string, string][]>;
  headers?: Maybe<Record<string, string>>;
  body?: Json;
}

export interface Change {
  before?: Json;
  after?: Json;
  attribute?: Maybe<string>;
}

export interface ApprovalNeed {
  role: string;
  count: number;
}

export interface ApprovalRule {
  policy: string;
  needs: ApprovalNeed[];
}

export interface GivenDecision {
  by: string;
  role?: Maybe<string>;
  decision: string;
  reason?: Maybe<string>;
  at: string;
  signature?: Maybe<string>;
}

export interface ApprovalView {
  approval_id: string;
  plan_id: string;
  step: string;
  plan_hash: string;
  state: string;
  tool: string;
  effect: Effect;
  resource?: Maybe<string>;
  params: JsonObject;
  /** JSON Schemas of the parameters that may still move. */
  bounds?: Maybe<JsonObject>;
  request?: Maybe<RenderedCall>;
  reasons?: Maybe<Reason[]>;
  policies?: Maybe<string[]>;
  rule?: Maybe<ApprovalRule[]>;
  given?: Maybe<GivenDecision[]>;
  agent: string;
  requested_by?: Maybe<string>;
  goal?: Maybe<string>;
  reason?: Maybe<string>;
  change?: Maybe<Change>;
  signature_required?: Maybe<boolean>;
  created_at: string;
  expires_at: string;
  can_decide?: Maybe<boolean>;
  why_not?: Maybe<string>;
  plan_bytes?: Maybe<string>;
}

export interface Check {
  expect?: Maybe<string>;
  actual?: Json;
  passed?: Maybe<boolean>;
}

export interface RunStep {
  id: string;
  plan_id?: Maybe<string>;
  tool: string;
  params: JsonObject;
  depends_on?: Maybe<string[]>;
  effect?: Maybe<Effect>;
  reason?: Maybe<string>;
  verdict?: Maybe<Verdict>;
  reasons?: Maybe<Reason[]>;
  policies?: Maybe<string[]>;
  approval_id?: Maybe<string>;
  request?: Maybe<RenderedCall>;
  state: string;
  token?: Maybe<JsonObject>;
  attempt?: Maybe<string>;
  outcome?: Maybe<string>;
  status?: Maybe<number>;
  result?: Json;
  receipt?: Maybe<string>;
  before?: Json;
  after?: Json;
  check?: Maybe<Check>;
  refusal?: Maybe<{ code: string; message: string }>;
}

export interface TimelineEntry {
  at: string;
  state: string;
  message: string;
}

export interface Sensed {
  services?: Maybe<Service[]>;
  alerts?: Maybe<Alert[]>;
  at?: Maybe<string>;
}

export interface RunView {
  run_id: string;
  state: string;
  goal: string;
  trigger?: Json;
  requested_by?: Maybe<string>;
  agent: string;
  source?: Maybe<string>;
  runbook?: Maybe<string>;
  model?: Maybe<string>;
  created_at: string;
  updated_at?: Maybe<string>;
  finished_at?: Maybe<string>;
  summary?: Maybe<string>;
  error?: Json;
  replans?: Maybe<number>;
  plan_ids?: Maybe<string[]>;
  sense?: Maybe<Sensed>;
  timeline?: Maybe<TimelineEntry[]>;
  steps?: Maybe<RunStep[]>;
  superseded?: Maybe<SupersededPlan[]>;
}

/** A plan that failed and was replaced by another. */
export interface SupersededPlan {
  plan_id?: Maybe<string>;
  why: string;
  steps: RunStep[];
}

export interface CallView {
  attempt: string;
  jti: string;
  agent: string;
  plan?: Maybe<string>;
  step?: Maybe<string>;
  tool: string;
  resource?: Maybe<string>;
  params_sha256?: Maybe<string>;
  request_sha256?: Maybe<string>;
  state: string;
  resolution?: Json;
  status?: Maybe<number>;
  consumed_at?: Maybe<string>;
  ended_at?: Maybe<string>;
  receipt?: Maybe<string>;
}

export interface Refusal {
  at: string;
  code: string;
  status?: Maybe<number>;
  tool?: Maybe<string>;
  agent?: Maybe<string>;
  jti?: Maybe<string>;
  message?: Maybe<string>;
  count?: Maybe<number>;
}

export interface PolicyFile {
  path: string;
  policies?: Maybe<string[]>;
  text: string;
}

export interface PoliciesView {
  /** Absent while no bundle was ever good: everything is denied then. */
  bundle?: Maybe<string>;
  policy_epoch: number;
  loaded_at?: Maybe<string>;
  files: PolicyFile[];
  cases: { passed: number; failed: { file: string; name: string; message: string }[] };
  candidate?: Maybe<{
    bundle?: Maybe<string>;
    error: { file?: Maybe<string>; line?: Maybe<number>; message: string };
    at: string;
  }>;
}

export interface ToolView {
  name: string;
  description: string;
  effect: Effect;
  upstream?: Maybe<string>;
  resource?: Json;
  params?: Json;
  request?: Json;
  check?: Json;
  undo?: Json;
  cooldown?: Maybe<string>;
  timeout?: Maybe<string>;
  untrusted_output?: Maybe<boolean>;
  definition_sha256?: Maybe<string>;
}

export interface AgentView {
  agent: string;
  autonomy: string;
  team?: Maybe<string>;
  roles?: Maybe<string[]>;
}

export interface ControlView {
  generation: number;
  policy_epoch?: Maybe<number>;
  entries: { scope: string; by?: Maybe<string>; reason?: Maybe<string>; at: string }[];
}

export interface LedgerEntries {
  origin: string;
  entries: { index: number; leaf: string; record: string }[];
  next?: Maybe<number>;
}

export interface Service {
  id: string;
  status: string;
  replicas: number;
  ready_replicas: number;
  version: string;
  versions?: Maybe<{ version: string; deployed_at: string }[]>;
  process?: Maybe<{
    state: string;
    exit_code?: Maybe<number>;
    restarts?: Maybe<number>;
    started_at?: Maybe<string>;
  }>;
  cpu_percent?: Maybe<number>;
  memory_percent?: Maybe<number>;
  latency_ms?: Maybe<number>;
  error_rate?: Maybe<number>;
  requests_per_second?: Maybe<number>;
  depends_on?: Maybe<string[]>;
  env?: Maybe<string>;
  tier?: Maybe<string>;
}

export interface Alert {
  id: string;
  resource_id: string;
  severity: string;
  status: string;
  symptom: string;
  msg: string;
  opened_at: string;
  resolved_at?: Maybe<string>;
  note?: Maybe<string>;
}

export interface Fault {
  fault_id: string;
  kind: string;
  target: string;
  at: string;
}

export interface WorldState {
  services: Service[];
  alerts: Alert[];
  faults: Fault[];
}
