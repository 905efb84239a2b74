// Generated from docs/api/authority.json by `npm run api`. Do not edit.

import type { Json, JsonObject } from '../json';

export interface paths {
    "/.well-known/jwks.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Publishes the keys that sign intents (RFC 7517 §5). */
        get: operations["get_jwks"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
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
    "/v1/agents": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists the agents: all for people and other roles, itself for an agent. */
        get: operations["list_agents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/approvals": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists the newest approvals: of an agent's own plans, or everybody's for people and other roles. */
        get: operations["list_approvals"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/approvals/{approval_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Reads an approval, with the exact bytes that its plan hash covers. */
        get: operations["get_approval"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/approvals/{approval_id}/decision": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Answers an approval.
         * @description The hash must be that of the plan that was shown. Who asked may not answer; policy and the rule's
         *     roles say who may. One no closes the step and its plan.
         */
        post: operations["decide_approval"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/control": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Reads what is stopped, the policy epoch and the key set: what enforcers hold a copy of. */
        get: operations["get_control"];
        put?: never;
        /** Stops a scope or lets it run again, and tells every enforcer before it answers. */
        post: operations["set_control"];
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
    "/v1/explain": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Says what policy would decide of one call, as a plan of one step, and mints nothing.
         * @description An agent may ask about itself; people and other roles about every agent.
         */
        post: operations["explain_call"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/ledger/entries": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists the records of the authority's ledger, each as the exact canonical text that was hashed. */
        get: operations["list_entries"];
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
    "/v1/plans": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists the newest plans: an agent's own, or everybody's for people and other roles. */
        get: operations["list_plans"];
        put?: never;
        /**
         * Submits a plan to be judged.
         * @description Every step is judged by policy within the whole plan; the plan's verdict is the worst of its steps'.
         *     A denied plan is answered too, with the reasons, and gets no token. A plan that cannot be judged (an
         *     unknown tool, parameters that do not fit it) is a problem.
         */
        post: operations["submit_plan"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/plans/{plan_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Reads a plan. Another agent's plan is not found. */
        get: operations["get_plan"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/plans/{plan_id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Withdraws a plan: no further token and no further approval. A token that is out may still run. */
        post: operations["cancel_plan"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/plans/{plan_id}/steps/{step}/token": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Issues the token of a step that may run now.
         * @description Everything before the step must be done, policy is asked once more about the exact call, and people
         *     must have approved it where policy says so. One step gets one token; another only after the enforcer
         *     says that the first expired unused or that its call was never sent.
         */
        post: operations["issue_token"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/policies": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Reads the active policy bundle: its files, its cases, and why the folder's content was refused, if
         *     it was.
         */
        get: operations["get_policies"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/policies/reload": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Reads the policies folder again, now. A content that is not good changes nothing and is a problem. */
        post: operations["reload_policies"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/receipts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Takes the enforcer's receipts, each any number of times. */
        post: operations["submit_receipts"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tools": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists the tools of the active bundle. */
        get: operations["list_tools"];
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
        /** @description The agents. */
        AgentList: {
            /** @description By name. */
            agents: components["schemas"]["AgentView"][];
        };
        /** @description An agent. */
        AgentView: {
            /** @description Its name. */
            agent: components["schemas"]["AgentId"];
            /** @description How far it may go without a person. */
            autonomy: components["schemas"]["Autonomy"];
            /** @description Its roles. */
            roles: string[];
            /** @description The team that answers for it. */
            team?: string | null;
        };
        /**
         * @description What a person answers.
         * @enum {string}
         */
        Answer: "approve" | "deny";
        /** @description A request for people's approval of one step. */
        ApprovalId: string;
        /** @description Approvals, the newest first. */
        ApprovalList: {
            /** @description The approvals. */
            approvals: components["schemas"]["ApprovalView"][];
        };
        /** @description So many different people in one role. */
        ApprovalNeed: {
            /**
             * Format: int32
             * @description How many different people.
             */
            count: number;
            /** @description The role. */
            role: string;
        };
        /** @description People were asked. */
        ApprovalPending: {
            /** @description The approval that the step waits for. */
            approval_id: components["schemas"]["ApprovalId"];
        };
        /** @description What one policy asks for. */
        ApprovalRule: {
            /** @description Every need must be met. */
            needs: components["schemas"]["ApprovalNeed"][];
            /** @description The policy's id. */
            policy: string;
        };
        /**
         * @description Where an approval stands.
         * @enum {string}
         */
        ApprovalState: "pending" | "approved" | "denied" | "expired" | "void";
        /** @description A request for people's approval. */
        ApprovalView: {
            /** @description The agent that asks. */
            agent: components["schemas"]["AgentId"];
            /** @description The approval. */
            approval_id: components["schemas"]["ApprovalId"];
            /** @description JSON Schemas of the parameters that may still move. */
            bounds?: JsonObject;
            /** @description Whether the caller may answer now. Absent in events, which have no caller. */
            can_decide?: boolean | null;
            /** @description The counted change as policy saw it: `attribute`, `before`, `after`. Context, not hashed. */
            change?: Json;
            /**
             * Format: date-time
             * @description When it was asked.
             */
            created_at: string;
            /** @description What the tool may do. */
            effect: components["schemas"]["Effect"];
            /**
             * Format: date-time
             * @description When nobody may answer any more.
             */
            expires_at: string;
            /** @description Who answered what. */
            given: components["schemas"]["GivenView"][];
            /** @description The plan's goal in the agent's own words: not checked. */
            goal: string;
            /** @description The parameters. */
            params: JsonObject;
            /** @description The exact bytes that `plan_hash` covers, in base64; only when one approval is read. */
            plan_bytes?: string | null;
            /** @description SHA-256 of the plan's canonical bytes: a decision must carry it. */
            plan_hash: components["schemas"]["Digest"];
            /** @description The plan. */
            plan_id: components["schemas"]["PlanId"];
            /** @description The policies that ask. */
            policies: string[];
            /** @description What was seen where the tool's precondition looks: it must still be there when the call runs. */
            precondition?: Json;
            /** @description The step's reason in the agent's own words: not checked. */
            reason?: string | null;
            /** @description Why it asks. */
            reasons: components["schemas"]["Reason"][];
            request?: components["schemas"]["RenderedCall"] | null;
            requested_by?: components["schemas"]["OperatorId"] | null;
            /** @description The resource as policy names it. */
            resource?: string | null;
            /** @description Who must say yes. */
            rule: components["schemas"]["ApprovalRule"][];
            /** @description Whether a yes must be signed with the approver's own key. */
            signature_required: boolean;
            /** @description Where it stands. */
            state: components["schemas"]["ApprovalState"];
            /** @description The step of it that waits. */
            step: components["schemas"]["StepId"];
            /** @description Whether the plan was made after reading text of unknown authors. */
            tainted: boolean;
            /** @description The tool. */
            tool: components["schemas"]["ToolName"];
            /** @description Why not, for a person. */
            why_not?: string | null;
        };
        /** @description One attempt of the enforcer to run a call. */
        AttemptId: string;
        /**
         * @description How far an agent may go without a person (DESIGN §4).
         * @enum {string}
         */
        Autonomy: "observe" | "recommend" | "automate-safe" | "automate-destructive";
        /** @description The active bundle, and what was refused since. */
        BundleView: {
            bundle?: components["schemas"]["Digest"] | null;
            candidate?: components["schemas"]["CandidateError"] | null;
            /** @description What its decision tables gave. */
            cases: components["schemas"]["CaseReport"];
            /** @description Its Cedar files, as they stood when it was loaded. */
            files: components["schemas"]["PolicyFile"][];
            /**
             * Format: date-time
             * @description Since when the bundle is active here.
             */
            loaded_at?: string | null;
            /**
             * Format: int64
             * @description The policy epoch.
             */
            policy_epoch: number;
        };
        /** @description A folder content that did not become the active bundle. */
        CandidateError: {
            /**
             * Format: date-time
             * @description When it was refused.
             */
            at: string;
            bundle?: components["schemas"]["Digest"] | null;
            /** @description What is wrong with it. */
            error: components["schemas"]["LoadPolicyError"];
        };
        /** @description A case whose answer was another. */
        CaseFailure: {
            /** @description The table. */
            file: string;
            /** @description What was expected and what came. */
            message: string;
            /** @description The case. */
            name: string;
        };
        /** @description What running the tables gave. */
        CaseReport: {
            /** @description The cases that did not. */
            failed: components["schemas"]["CaseFailure"][];
            /** @description How many cases passed. */
            passed: number;
        };
        /**
         * @description What an operator commands.
         * @enum {string}
         */
        ControlAction: "freeze" | "thaw";
        /** @description Who took a command. */
        ControlAnswer: {
            /** @description The enforcers that took it. */
            acknowledged: string[];
            /**
             * Format: int64
             * @description The generation of the control document now.
             */
            generation: number;
            /**
             * @description Those that did not: they learn it at their next poll, and stop by themselves within 5 s if they
             *     cannot.
             */
            missing: string[];
        };
        /** @description One stopped scope. */
        ControlEntry: {
            /**
             * Format: date-time
             * @description Since when.
             */
            at: string;
            /** @description Who stopped it. */
            by: string;
            /** @description Why. */
            reason?: string | null;
            /** @description What is stopped: `all`, `tenant:T`, `agent:A`, `tool:T`, `plan:P` or `key:KID`. */
            scope: string;
        };
        /** @description A command. */
        ControlRequest: {
            /** @description Stop, or let run. */
            action: components["schemas"]["ControlAction"];
            /** @description Why. */
            reason?: string | null;
            /** @description What: `all`, `tenant:T`, `agent:A`, `tool:T`, `plan:P` or `key:KID`. */
            scope: string;
        };
        /** @description What every enforcer must know to accept tokens. */
        ControlView: {
            /**
             * Format: date-time
             * @description The authority's time when it made this document.
             */
            at: string;
            /** @description What is stopped. */
            entries: components["schemas"]["ControlEntry"][];
            /**
             * Format: int64
             * @description Rises with every change.
             */
            generation: number;
            /** @description The keys whose tokens count. */
            keys: components["schemas"]["JwkSet"];
            /**
             * Format: int64
             * @description Tokens of a lower policy epoch count no more.
             */
            policy_epoch: number;
        };
        /** @description A person's answer. */
        DecisionRequest: {
            /** @description Yes or no. */
            decision: components["schemas"]["Answer"];
            /** @description The hash of the plan that the person looked at. */
            plan_hash: components["schemas"]["Digest"];
            /** @description Why. */
            reason?: string;
            /**
             * @description The person's Ed25519 signature over the 32 bytes of the plan hash, base64url without padding.
             *     Required for a yes to `destructive` and `data`.
             */
            signature?: string | null;
        };
        Digest: string;
        /**
         * @description What a tool may do to the world; the order is that of harm.
         * @enum {string}
         */
        Effect: "read" | "service" | "destructive" | "data";
        /** @description What policy would say. */
        ExplainAnswer: {
            /** @description The bundle that says so. */
            bundle: components["schemas"]["Digest"];
            /** @description The counted change as policy sees it. */
            change?: Json;
            /** @description The policies that decided. */
            policies: string[];
            /** @description Why. */
            reasons: components["schemas"]["Reason"][];
            request?: components["schemas"]["RenderedCall"] | null;
            /** @description Who would have to approve. */
            rule: components["schemas"]["ApprovalRule"][];
            /** @description The verdict. */
            verdict: components["schemas"]["Verdict"];
        };
        /** @description A call that somebody wonders about. */
        ExplainRequest: {
            /** @description Who would call. */
            agent: components["schemas"]["AgentId"];
            /** @description With which parameters. */
            params?: JsonObject;
            /** @description Which tool. */
            tool: components["schemas"]["ToolName"];
        };
        /** @description One person's answer. */
        GivenView: {
            /**
             * Format: date-time
             * @description When.
             */
            at: string;
            /** @description Who. */
            by: components["schemas"]["OperatorId"];
            /** @description What they said. */
            decision: components["schemas"]["Answer"];
            /** @description Why. */
            reason: string;
            /** @description The roles of the rule that they hold, separated by commas. */
            role: string;
            /** @description Their Ed25519 signature over the 32 bytes of the plan hash, base64url. */
            signature?: string | null;
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
        /** @description An intent token's `jti`: time-ordered, with 80 random bits. */
        IntentId: string;
        /**
         * @description Whether a role shares its process with others (SECURITY-DESIGN §1).
         * @enum {string}
         */
        Isolation: "own-process" | "shared-process";
        /** @description A step's token. */
        IssuedToken: {
            /** @description The approvals, to be sent along in `Intent-Approvals`. */
            approvals?: string | null;
            /**
             * Format: date-time
             * @description When it expires.
             */
            expires_at: string;
            /** @description The intent token: a compact JWS, to be sent in `Intent-Token`. It is shown once. */
            token: string;
        };
        /** @description A public Ed25519 key as a JSON Web Key (RFC 7517, RFC 8037 §2). */
        Jwk: {
            /** @description The algorithm: `EdDSA`. */
            alg?: string | null;
            /** @description Curve: `Ed25519`. */
            crv: string;
            /** @description Key id: the first 16 hexadecimal digits of the SHA-256 of the public key. */
            kid: components["schemas"]["KeyId"];
            /** @description Key type: `OKP`. */
            kty: string;
            /** @description What the key is for: `sig`. */
            use?: string | null;
            /** @description The public key, base64url without padding. */
            x: string;
        };
        /** @description A set of public keys (RFC 7517 §5). */
        JwkSet: {
            /** @description The keys. */
            keys: components["schemas"]["Jwk"][];
        };
        /** @description A signing key's id: the first 8 bytes of the SHA-256 of the public key, in hexadecimal. */
        KeyId: string;
        /** @description A bundle that was not taken. */
        LoadPolicyError: {
            /** @description The column, in characters from 1. */
            column?: number | null;
            /** @description The file, relative to the folder. */
            file?: string | null;
            /** @description The line, from 1. */
            line?: number | null;
            /** @description What is wrong, and what to do. */
            message: string;
        };
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
        /** @description A person's name among the operators. */
        OperatorId: string;
        /** @description Entries of the log, in order. */
        Page: {
            /** @description The entries. */
            entries: components["schemas"]["PageEntry"][];
            /**
             * Format: int64
             * @description What to give as `after` for the next page; absent on the last.
             */
            next?: number | null;
            /** @description The log's name. */
            origin: string;
        };
        /** @description One entry. */
        PageEntry: {
            /**
             * Format: int64
             * @description Its place in the log, from 0.
             */
            index: number;
            /** @description SHA-256 of a zero byte and the record, in hexadecimal. */
            leaf: string;
            /** @description The record: canonical JSON, exactly as it was hashed. */
            record: string;
        };
        /** @description A plan. */
        PlanId: string;
        /** @description Plans, the newest first. */
        PlanList: {
            /** @description The plans. */
            plans: components["schemas"]["PlanView"][];
        };
        /** @description A proposed set of tool uses. */
        PlanRequest: {
            /** @description What the agent wants to reach, in its own words: data, never believed. */
            goal: string;
            requested_by?: components["schemas"]["OperatorId"] | null;
            run?: components["schemas"]["RunId"] | null;
            /** @description The steps. */
            steps: components["schemas"]["StepRequest"][];
        };
        /**
         * @description Where a plan stands.
         * @enum {string}
         */
        PlanState: "open" | "done" | "failed" | "denied" | "cancelled";
        /** @description A plan and what became of it. */
        PlanView: {
            /** @description The agent that proposed it. */
            agent: components["schemas"]["AgentId"];
            /** @description The policy bundle that judged it. */
            bundle: components["schemas"]["Digest"];
            /**
             * Format: date-time
             * @description When it was judged.
             */
            created_at: string;
            /** @description What the agent wants to reach, in its own words: not checked. */
            goal: string;
            /** @description SHA-256 of the plan's canonical bytes: what people approve. */
            plan_hash: components["schemas"]["Digest"];
            /** @description The plan. */
            plan_id: components["schemas"]["PlanId"];
            /**
             * Format: int64
             * @description The policy epoch at that time.
             */
            policy_epoch: number;
            requested_by?: components["schemas"]["OperatorId"] | null;
            run?: components["schemas"]["RunId"] | null;
            /** @description Where it stands. */
            state: components["schemas"]["PlanState"];
            /** @description Its steps, in the agent's order. */
            steps: components["schemas"]["StepView"][];
            /** @description Whether it was made after reading text of unknown authors. */
            tainted: boolean;
            /** @description The worst verdict of its steps. */
            verdict: components["schemas"]["Verdict"];
        };
        /** @description A Cedar file of the bundle. */
        PolicyFile: {
            /** @description Its path within the folder. */
            path: string;
            /** @description The ids of its policies, in the order of the file. */
            policies: string[];
            /** @description Its text. */
            text: string;
        };
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
        /** @description What was taken. */
        ReceiptsAnswer: {
            /** @description How many were accepted, those that were known before included. */
            accepted: number;
        };
        /** @description Signed receipts, in the order in which they were made. */
        ReceiptsRequest: {
            /** @description Compact JWS of type `receipt+jwt`. */
            receipts: string[];
        };
        /** @description How to reload. */
        ReloadRequest: {
            /** @description Also stop the tokens that are out: the policy epoch rises. */
            immediate?: boolean;
        };
        /** @description The request that will be sent to an upstream. */
        RenderedCall: {
            /** @description The JSON body. */
            body?: Json;
            /** @description Header fields, besides those that the enforcer sets. */
            headers: {
                [key: string]: string;
            };
            /** @description The HTTP method. */
            method: string;
            /** @description The absolute path. */
            path: string;
            /** @description Query parameters in the order of their names, not yet percent-encoded. */
            query: string[][];
            /** @description The upstream's name; its address and credential are the enforcer's configuration. */
            upstream: string;
        };
        /** @description A planner's run; plans of one run share budgets, loop facts and taint. */
        RunId: string;
        /** @description A step's name within its plan. */
        StepId: string;
        /** @description One proposed tool use. */
        StepRequest: {
            /** @description Steps that must be done before this one. */
            after?: components["schemas"]["StepId"][];
            /** @description JSON Schemas for parameters whose values are known only when the step runs. */
            bounds?: JsonObject;
            /** @description The step's name in this plan. */
            id: components["schemas"]["StepId"];
            /** @description The parameters. */
            params?: JsonObject;
            /**
             * @description The value that was seen where the tool's precondition looks, which must still be there when the
             *     step runs. Stated exactly where the tool has a precondition.
             */
            precondition?: Json;
            /** @description Why, in the agent's own words: data, never believed. */
            reason?: string | null;
            /** @description The tool. */
            tool: components["schemas"]["ToolName"];
        };
        /**
         * @description Where a step stands.
         * @enum {string}
         */
        StepState: "pending" | "issued" | "done" | "failed" | "not_sent" | "in_doubt" | "denied" | "cancelled";
        /** @description A step and what became of it. */
        StepView: {
            /** @description Steps that must be done before. */
            after: components["schemas"]["StepId"][];
            approval_id?: components["schemas"]["ApprovalId"] | null;
            attempt?: components["schemas"]["AttemptId"] | null;
            /** @description JSON Schemas of the parameters that may still move. */
            bounds?: JsonObject;
            /** @description What the tool may do. */
            effect: components["schemas"]["Effect"];
            /**
             * Format: date-time
             * @description When the last token expires.
             */
            expires_at?: string | null;
            /** @description The step's name in its plan. */
            id: components["schemas"]["StepId"];
            jti?: components["schemas"]["IntentId"] | null;
            /** @description The parameters. */
            params: JsonObject;
            /** @description SHA-256 of the canonical parameters. */
            params_sha256: components["schemas"]["Digest"];
            /** @description The policies that decided. */
            policies: string[];
            /** @description What was seen where the tool's precondition looks: it must still be there when the call runs. */
            precondition?: Json;
            /** @description Why, in the agent's own words: not checked. */
            reason?: string | null;
            /** @description Why. */
            reasons: components["schemas"]["Reason"][];
            /** @description The enforcer's signed receipt. */
            receipt?: string | null;
            request?: components["schemas"]["RenderedCall"] | null;
            request_sha256?: components["schemas"]["Digest"] | null;
            /** @description The resource as policy names it, such as `Service::"payments"`. */
            resource?: string | null;
            /** @description Where it stands. */
            state: components["schemas"]["StepState"];
            /**
             * Format: int32
             * @description The upstream's HTTP status.
             */
            status?: number | null;
            /** @description The tool. */
            tool: components["schemas"]["ToolName"];
            /** @description What policy says. */
            verdict: components["schemas"]["Verdict"];
        };
        /** @description What a token request may say. */
        TokenRequest: {
            /** @description The exact parameters, where the step has bounds. Others must equal the plan's. */
            params?: Json;
            /** @description Receipts of earlier steps, which may not have arrived from the enforcer yet. */
            receipts?: string[];
        };
        /** @description The catalogue. */
        ToolList: {
            /** @description The tools, by name. */
            tools: components["schemas"]["ToolView"][];
        };
        /** @description A tool's name. */
        ToolName: string;
        /** @description A tool of the catalogue. */
        ToolView: {
            /** @description How to see that it worked: `tool`, `params`, `expect`. */
            check?: Json;
            /** @description Least time between two calls on one resource. */
            cooldown?: string | null;
            /** @description SHA-256 of the canonical definition. */
            definition_sha256: components["schemas"]["Digest"];
            /** @description One sentence for people and models. */
            description: string;
            /** @description What it may do. */
            effect: components["schemas"]["Effect"];
            /** @description The name. */
            name: components["schemas"]["ToolName"];
            /** @description JSON Schema 2020-12 of the parameters, closed. */
            params: JsonObject;
            /** @description The request that it becomes: `method`, `path`, `query`, `headers`, `body`. */
            request: JsonObject;
            /** @description What it acts on: `type`, and `param` or `id`. */
            resource: JsonObject;
            /** @description Time limit of a call. */
            timeout?: string | null;
            /** @description How to take it back: `tool`, `params`. */
            undo?: Json;
            /** @description Whether its answers carry text of unknown authors. */
            untrusted_output: boolean;
            /** @description The upstream that answers it. */
            upstream: string;
        };
        /**
         * @description What policy says of one step.
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
    get_jwks: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Every key whose tokens count */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JwkSet"];
                };
            };
        };
    };
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
    list_agents: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description By name */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AgentList"];
                };
            };
            /** @description No key */
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
    list_approvals: {
        parameters: {
            query?: {
                /** @description Of the newest 1 to 500, by default 100. */
                limit?: number;
                /** @description Only those that stand here now. */
                state?: components["schemas"]["ApprovalState"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The newest first */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ApprovalList"];
                };
            };
            /** @description No key */
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
    get_approval: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The approval */
                approval_id: components["schemas"]["ApprovalId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The approval as it is now */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ApprovalView"];
                };
            };
            /** @description No key */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description No such approval */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
        };
    };
    decide_approval: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The approval */
                approval_id: components["schemas"]["ApprovalId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DecisionRequest"];
            };
        };
        responses: {
            /** @description Answered */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ApprovalView"];
                };
            };
            /** @description No operator's key */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description Not this person, or not their signature */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description No such approval */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description Another plan hash, or closed */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description No answer, or no signature */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
        };
    };
    get_control: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The control document */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ControlView"];
                };
            };
            /** @description No key */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description An agent's key */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
        };
    };
    set_control: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ControlRequest"];
            };
        };
        responses: {
            /** @description Recorded */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ControlAnswer"];
                };
            };
            /** @description No operator's key */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description No command */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
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
    explain_call: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ExplainRequest"];
            };
        };
        responses: {
            /** @description What policy would say */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ExplainAnswer"];
                };
            };
            /** @description No key */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description Another agent */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description No such agent */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description No policy bundle */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
        };
    };
    list_entries: {
        parameters: {
            query?: {
                /** @description Only entries after this index; from the first without it. */
                after?: number;
                /** @description Only records of this kind. */
                kind?: "boot" | "plan" | "decision" | "approval" | "issue" | "consume" | "outcome" | "refuse" | "resolve" | "policy" | "keyset" | "tooldef" | "control" | "prune" | "fork";
                /** @description How many at most: 100 unless given, never more than 1,000. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description In the order of their indexes */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page"];
                };
            };
            /** @description No key */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description An agent's key */
            403: {
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
    list_plans: {
        parameters: {
            query?: {
                /** @description 1 to 500, by default 50. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The newest first */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PlanList"];
                };
            };
            /** @description No key */
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
    submit_plan: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PlanRequest"];
            };
        };
        responses: {
            /** @description Judged */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PlanView"];
                };
            };
            /** @description Unreadable */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description No agent's key */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description A tool is not in the catalogue */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description Not a plan, or parameters that do not fit */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description No policy bundle */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
        };
    };
    get_plan: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The plan */
                plan_id: components["schemas"]["PlanId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The plan as it is now */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PlanView"];
                };
            };
            /** @description No key */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description No such plan */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
        };
    };
    cancel_plan: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The plan */
                plan_id: components["schemas"]["PlanId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Withdrawn */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PlanView"];
                };
            };
            /** @description No key */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description No such plan */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description The plan ended before */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
        };
    };
    issue_token: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The plan */
                plan_id: components["schemas"]["PlanId"];
                /** @description The step of it */
                step: components["schemas"]["StepId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TokenRequest"];
            };
        };
        responses: {
            /** @description The token */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["IssuedToken"];
                };
            };
            /** @description People have not answered yet */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ApprovalPending"];
                };
            };
            /** @description No agent's key */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description Denied, or stopped by the kill switch */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description No such plan or step of this agent */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description Not now, or never again */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description Parameters outside the bounds, or a receipt that is refused */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
        };
    };
    get_policies: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The active bundle */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BundleView"];
                };
            };
            /** @description No key */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description An agent's key */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
        };
    };
    reload_policies: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ReloadRequest"];
            };
        };
        responses: {
            /** @description The active bundle */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BundleView"];
                };
            };
            /** @description No operator's key */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description Refused; the last good bundle stays */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
        };
    };
    submit_receipts: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ReceiptsRequest"];
            };
        };
        responses: {
            /** @description Accepted */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReceiptsAnswer"];
                };
            };
            /** @description No service key */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description A receipt is not accepted; none of them was taken */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
        };
    };
    list_tools: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description By name */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ToolList"];
                };
            };
            /** @description No key */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description No policy bundle */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
        };
    };
}
