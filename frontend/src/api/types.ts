import type { components as Authority } from './generated/authority';
import type { components as Console } from './generated/console';
import type { components as Enforcer } from './generated/enforcer';
import type { components as Planner } from './generated/planner';
import type { components as Simulator } from './generated/simulator';

export type { Json, JsonObject } from './json';

/** The roles behind the console server. */
export type ServiceName = 'authority' | 'enforcer' | 'planner' | 'simulator';

export type Session = Console['schemas']['SessionView'];

export type Effect = Authority['schemas']['Effect'];
export type Verdict = Authority['schemas']['Verdict'];
export type Reason = Authority['schemas']['Reason'];
export type RenderedCall = Authority['schemas']['RenderedCall'];
export type ApprovalView = Authority['schemas']['ApprovalView'];
export type GivenDecision = Authority['schemas']['GivenView'];
export type PoliciesView = Authority['schemas']['BundleView'];
export type PolicyFile = Authority['schemas']['PolicyFile'];
export type ToolView = Authority['schemas']['ToolView'];
export type AgentView = Authority['schemas']['AgentView'];
export type Autonomy = Authority['schemas']['Autonomy'];
export type LedgerEntry = Authority['schemas']['PageEntry'];

export type CallView = Enforcer['schemas']['CallView'];
export type Refusal = Enforcer['schemas']['RefusalView'];

export type RunView = Planner['schemas']['RunView'];
export type RunStep = Planner['schemas']['RunStep'];
export type SupersededPlan = Planner['schemas']['SupersededPlan'];
export type Check = Planner['schemas']['CheckView'];
export type TimelineEntry = Planner['schemas']['Moment'];
export type Sensed = Planner['schemas']['Sense'];
export type RunRequest = Planner['schemas']['RunRequest'];

export type Service = Simulator['schemas']['ServiceView'];
export type Alert = Simulator['schemas']['AlertView'];
export type Fault = Simulator['schemas']['FaultView'];
export type FaultRequest = Simulator['schemas']['Inject'];
