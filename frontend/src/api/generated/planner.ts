// Generated from docs/api/planner.json by `npm run api`. Do not edit.

import type { Json, JsonObject } from '../json';

export interface paths {
    "/healthz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether the process works. */
        get: operations["get_health"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Measurements in the Prometheus text format. */
        get: operations["get_metrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/openapi.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** This document. */
        get: operations["get_openapi"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/readyz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether the server can do its work now. */
        get: operations["get_readiness"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/run": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Starts a run and waits for its end, at most five minutes, or until a person is asked. */
        post: operations["run_to_end"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Live changes as server-sent events.
         * @description Events `upsert` and `remove` carry `{"topic", "id", "item"}`; `snapshot_end` ends the current state;
         *     `reset` says that the cursor is too old; `ping` carries the server's time every 15 s.
         */
        get: operations["stream_events"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/meta": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What the server is. */
        get: operations["get_meta"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/runs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists the newest runs. */
        get: operations["list_runs"];
        put?: never;
        /** Starts a run and answers at once. */
        post: operations["start_run"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/runs/{run_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Reads one run. */
        get: operations["get_run"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/runs/{run_id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Withdraws a run. A call that was sent is finished first; nothing is sent after it. */
        post: operations["cancel_run"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/runs/{run_id}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Streams a run: `upsert` with the whole run now and after each change, `ping` in between; the stream
         *     ends with the run.
         */
        get: operations["watch_run"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description An agent's name. */
        AgentId: string;
        /** @description A request for people's approval of one step. */
        ApprovalId: string;
        /** @description One attempt of the enforcer to run a call. */
        AttemptId: string;
        /** @description How a step's result compares with what its tool's definition expects. */
        CheckView: {
            /** @description What stood at its place last. */
            actual?: Json;
            /** @description The expectation, as the definition states it. */
            expect: string;
            /** @description Whether it held within the time allowed. */
            passed: boolean;
        };
        /**
         * @description What a tool may do to the world; the order is that of harm.
         * @enum {string}
         */
        Effect: "read" | "service" | "destructive" | "data";
        /** @description Why something did not happen. */
        Failure: {
            /** @description Stable, `snake_case`. */
            code: string;
            /** @description One sentence for a person. */
            message: string;
        };
        /** @description Whether the process works, and what it wants people to know. */
        Healthz: {
            /** @description Whether it shares its process with other roles. */
            isolation: components["schemas"]["Isolation"];
            /** @description What is wrong, by name. */
            notices: {
                [key: string]: string;
            };
            /** @description Which role this is. */
            role: string;
            /**
             * Format: date-time
             * @description When it started.
             */
            started_at: string;
            /** @description `ok`, or `degraded` when there are notices. */
            status: string;
            /** @description Its version. */
            version: string;
        };
        /** @description What should be true afterwards. */
        Input: {
            /** @description The goal, in the caller's words. */
            input: string;
        };
        /**
         * @description Whether a role shares its process with others (SECURITY-DESIGN §1).
         * @enum {string}
         */
        Isolation: "own-process" | "shared-process";
        /** @description What the server is. Roles add members of their own. */
        Meta: {
            /** @description Whether it shares its process with other roles. */
            isolation: components["schemas"]["Isolation"];
            /** @description Which role this is. */
            role: string;
            /**
             * Format: date-time
             * @description Its time now.
             */
            time: string;
            /** @description Its version. */
            version: string;
        } & {
            [key: string]: unknown;
        };
        /** @description One thing that happened. */
        Moment: {
            /**
             * Format: date-time
             * @description When.
             */
            at: string;
            /** @description What, for a person. */
            message: string;
            /** @description The state that the run was in afterwards. */
            state: components["schemas"]["RunState"];
        };
        /** @description A person's name among the operators. */
        OperatorId: string;
        /** @description What came of the run. */
        Output: {
            /** @description The approvals that it waits for. */
            approval_ids?: components["schemas"]["ApprovalId"][];
            /**
             * @description Why it is blocked or failed: a stable code. `waiting_for_approval` when a person is asked; the run
             *     itself then goes on waiting.
             */
            reason?: string | null;
            /** @description The whole run. */
            run: components["schemas"]["RunView"];
            /** @description The run. */
            run_id: components["schemas"]["RunId"];
            /** @description `completed`, `blocked`, `no_action`, `failed` or `cancelled`. */
            status: components["schemas"]["RunState"];
            /** @description What came of it, for a person. */
            summary: string;
        };
        /** @description A plan. */
        PlanId: string;
        /** @description A problem as it travels: `application/problem+json`. */
        ProblemDocument: {
            /** @description Stable, `snake_case`; clients decide by it. */
            code: string;
            /** @description What happened this time, for a person. */
            detail: string;
            /** @description The ids of the policies that decided, for a denial. */
            policies?: string[];
            /** @description Why, for a denial. */
            reasons?: components["schemas"]["Reason"][];
            /** @description To be quoted when asking the operator; it stands in the server's log. */
            request_id?: string | null;
            /**
             * Format: int32
             * @description The HTTP status.
             */
            status: number;
            /** @description The type in words. */
            title: string;
            /** @description `https://countersign.dev/problems/<code>`. */
            type: string;
        } & {
            [key: string]: unknown;
        };
        /** @description Whether the server can do its work now. */
        Readyz: {
            /** @description The checks, by name. */
            checks: components["schemas"]["ReadyzCheck"][];
            /** @description Whether every check passed. */
            ready: boolean;
            /** @description Which role this is. */
            role: string;
        };
        /** @description One condition of readiness. Why it failed is in the server's log. */
        ReadyzCheck: {
            /** @description What is checked. */
            name: string;
            /** @description Whether it passed. */
            ok: boolean;
        };
        /** @description One reason of a verdict or a refusal. */
        Reason: {
            /** @description Stable, `snake_case`. */
            code: string;
            /** @description One sentence for a person. */
            message: string;
            /** @description The policy that gave it, where one did. */
            policy?: string | null;
        };
        /** @description A planner's run; plans of one run share budgets, loop facts and taint. */
        RunId: string;
        /** @description The newest runs. */
        RunList: {
            /** @description Newest first, without what their steps were answered. */
            runs: components["schemas"]["RunView"][];
        };
        /** @description What should be true afterwards. */
        RunRequest: {
            /**
             * @description In the caller's words: an explicit request such as `scale payments to 4`, or something about health
             *     such as `restore payments`.
             */
            goal: string;
            /** @description What started the run; `alert` names an alert that it is about. */
            trigger?: Json;
        };
        /**
         * @description Where a run stands. The last five are ends.
         * @enum {string}
         */
        RunState: "sensing" | "planning" | "governing" | "waiting" | "acting" | "verifying" | "completed" | "blocked" | "no_action" | "failed" | "cancelled";
        /** @description One step of a run. */
        RunStep: {
            /** @description What it read after the call. */
            after?: Json;
            approval_id?: components["schemas"]["ApprovalId"] | null;
            attempt?: components["schemas"]["AttemptId"] | null;
            /** @description What the tool's check read before the call. */
            before?: Json;
            check?: components["schemas"]["CheckView"] | null;
            /** @description The steps that must be done before. */
            depends_on?: components["schemas"]["StepId"][];
            effect?: components["schemas"]["Effect"] | null;
            /** @description Its name, unique within the run. */
            id: components["schemas"]["StepId"];
            /** @description How the attempt ended. */
            outcome?: string | null;
            /** @description The parameters. */
            params: JsonObject;
            /** @description The plan that holds it. */
            plan_id: components["schemas"]["PlanId"];
            /** @description The policies that decided. */
            policies?: string[];
            /** @description Why, in the proposer's words. */
            reason?: string | null;
            /** @description Why it says so. */
            reasons?: components["schemas"]["Reason"][];
            /** @description The enforcer's signed receipt. */
            receipt?: string | null;
            refusal?: components["schemas"]["Failure"] | null;
            /** @description The rendered call. */
            request?: Json;
            /** @description The upstream's answer. */
            result?: Json;
            /** @description Where it stands. */
            state: components["schemas"]["StepState"];
            /**
             * Format: int32
             * @description The upstream's HTTP status.
             */
            status?: number | null;
            /** @description The claims of its token, for display; nobody decides by them here. */
            token?: Json;
            /** @description The tool. */
            tool: components["schemas"]["ToolName"];
            verdict?: components["schemas"]["Verdict"] | null;
        };
        /** @description One run. */
        RunView: {
            /** @description The agent as which it acts. */
            agent: components["schemas"]["AgentId"];
            /**
             * Format: date-time
             * @description When it began.
             */
            created_at: string;
            error?: components["schemas"]["Failure"] | null;
            /**
             * Format: date-time
             * @description When it ended.
             */
            finished_at?: string | null;
            /** @description What should be true afterwards, in the caller's words. */
            goal: string;
            /** @description The model that proposed it. */
            model?: string | null;
            /** @description The plans whose steps it ran or wanted to run, oldest first. */
            plan_ids: components["schemas"]["PlanId"][];
            /**
             * Format: int32
             * @description How often it planned again after a failure, at most twice.
             */
            replans: number;
            requested_by?: components["schemas"]["OperatorId"] | null;
            /** @description The run. */
            run_id: components["schemas"]["RunId"];
            /** @description The runbooks that proposed it, separated by commas. */
            runbook?: string | null;
            sense?: components["schemas"]["Sense"] | null;
            source?: components["schemas"]["Source"] | null;
            /** @description Where it stands. */
            state: components["schemas"]["RunState"];
            /** @description The steps that count: those of the current plan, after those of earlier ones that went well. */
            steps: components["schemas"]["RunStep"][];
            /** @description What came of it, for a person. */
            summary?: string | null;
            /** @description Plans that failed and were replaced by another. */
            superseded?: components["schemas"]["SupersededPlan"][];
            /** @description What happened, oldest first. */
            timeline: components["schemas"]["Moment"][];
            /** @description What started it, in the caller's words; `alert` names an alert that it is about. */
            trigger?: Json;
            /**
             * Format: date-time
             * @description When anything last changed.
             */
            updated_at: string;
        };
        /** @description What the enforcer's reads showed. */
        Sense: {
            /** @description Open alerts. */
            alerts: JsonObject[];
            /**
             * Format: date-time
             * @description When the last of them was answered.
             */
            at?: string | null;
            /** @description The plans under which the reads were allowed. */
            plan_ids?: components["schemas"]["PlanId"][];
            /** @description Services, those with open alerts and their dependencies in full. */
            services: JsonObject[];
        };
        /**
         * @description Who proposed the plan.
         * @enum {string}
         */
        Source: "runbook" | "model";
        /** @description The run that was started. */
        Started: {
            /** @description The run. */
            run_id: components["schemas"]["RunId"];
        };
        /** @description A step's name within its plan. */
        StepId: string;
        /**
         * @description Where a step stands.
         * @enum {string}
         */
        StepState: "pending" | "waiting" | "issued" | "running" | "verifying" | "done" | "failed" | "refused" | "not_sent" | "in_doubt" | "denied" | "skipped";
        /** @description A plan that failed, with its steps as they ended. */
        SupersededPlan: {
            plan_id?: components["schemas"]["PlanId"] | null;
            /** @description Its steps. */
            steps: components["schemas"]["RunStep"][];
            /** @description Why it was replaced. */
            why: string;
        };
        /** @description A tool's name. */
        ToolName: string;
        /**
         * @description What the authority says of a step or a plan.
         * @enum {string}
         */
        Verdict: "allow" | "deny" | "needs_approval";
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    get_health: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The process works */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Healthz"];
                };
            };
        };
    };
    get_metrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Measurements */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
        };
    };
    get_openapi: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The OpenAPI document of this server */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    get_readiness: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Every check passed */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Readyz"];
                };
            };
            /** @description A check failed */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Readyz"];
                };
            };
        };
    };
    run_to_end: {
        parameters: {
            query?: never;
            header?: {
                /** @description An operator's key, in place of the bearer */
                "X-API-Key"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Input"];
            };
        };
        responses: {
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDocument"];
                };
            };
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Output"];
                };
            };
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDocument"];
                };
            };
        };
    };
    stream_events: {
        parameters: {
            query?: {
                /** @description The same, for clients without headers */
                last_event_id?: string;
            };
            header?: {
                /** @description Resume after this event */
                "Last-Event-ID"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The stream */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            /** @description No or unknown key */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
        };
    };
    get_meta: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Role, version, time, isolation */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Meta"];
                };
            };
        };
    };
    list_runs: {
        parameters: {
            query?: {
                /** @description 1 to 500; 100 when absent */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDocument"];
                };
            };
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RunList"];
                };
            };
        };
    };
    start_run: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RunRequest"];
            };
        };
        responses: {
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDocument"];
                };
            };
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Started"];
                };
            };
        };
    };
    get_run: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                run_id: components["schemas"]["RunId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDocument"];
                };
            };
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RunView"];
                };
            };
        };
    };
    cancel_run: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                run_id: components["schemas"]["RunId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description It has ended */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RunView"];
                };
            };
            /** @description It ends once the call that was sent is answered */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RunView"];
                };
            };
        };
    };
    watch_run: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                run_id: components["schemas"]["RunId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description Server-sent events */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDocument"];
                };
            };
        };
    };
}
