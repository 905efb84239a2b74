// Generated from docs/api/enforcer.json by `npm run api`. Do not edit.

import type { Json, JsonObject } from '../json';

export interface paths {
    "/.well-known/jwks.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows the keys under which receipts verify. */
        get: operations["get_keys"];
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
    "/mcp/meta": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Says what this server is and what calls need. */
        get: operations["get_mcp_meta"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/mcp/tools/execute": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Runs a call that an intent token authorizes, at most once. The same checks as `POST /v1/calls`, with
         *     the statuses 200, 401, 403 and 404 alone; `code` says the same as there.
         */
        post: operations["execute_tool"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/mcp/tools/list": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Lists the tools of the catalogue. */
        post: operations["list_tools"];
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
    "/proxy/{upstream}/{path}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Forwards the call that a plain HTTP request means, as its tool renders it, at most once.
         * @description Takes GET, HEAD, POST, PUT, PATCH and DELETE. The tool is found by upstream, method and path; its
         *     parameters come from path, query and body. The upstream's status, content type and body pass
         *     through, with what the enforcer did in the header fields `Intent-Attempt`, `Intent-Outcome` and
         *     `Intent-Receipt`. A request without a token is told which tool and parameters it means, so that its
         *     sender knows what to ask the authority for.
         */
        get: operations["proxy_call"];
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
    "/v1/calls": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists calls, newest first. An agent sees its own. */
        get: operations["list_calls"];
        put?: never;
        /**
         * Runs a call that an intent token authorizes, at most once.
         * @description The request is rendered again from tool and parameters; what was sent here is never forwarded.
         */
        post: operations["run_call"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/calls/{attempt}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows one call. An agent sees its own. */
        get: operations["get_call"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/calls/{attempt}/resolution": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Settles a call in doubt. `not_executed` lets the authority issue a new token for the step; the old
         *     one never runs.
         * @description A call on data, or one that destroys, takes the same word of two people: the first is recorded and
         *     answered 202, and a person's later word stands in place of their earlier one.
         */
        post: operations["resolve_call"];
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
        get?: never;
        /**
         * Puts a control document in force.
         * @description When this answers, the document is recorded and nothing is spent under an older one. A generation
         *     behind the one in force is refused.
         */
        put: operations["put_control"];
        post?: never;
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
    "/v1/intents/{jti}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Says what became of a token.
         * @description The time is never behind what the journal has seen. Of an `unused` token the journal keeps it durably,
         *     and refuses every token that expired by then, whatever the clock does later: so `unused` with an
         *     expiry before `now` is final.
         */
        get: operations["get_intent"];
        put?: never;
        post?: never;
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
        /** Lists the ledger's records in their order, as stored. */
        get: operations["list_ledger_entries"];
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
    "/v1/refusals": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists the latest refusals, newest first; like ones within a second are one entry with a count. */
        get: operations["list_refusals"];
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
        /** @description What a tool does, in hints. */
        Annotations: {
            /** @description It takes something away. */
            destructiveHint: boolean;
            /** @description Calling it again with the same parameters changes nothing more. */
            idempotentHint: boolean;
            /** @description It acts outside this deployment's inventory. */
            openWorldHint: boolean;
            /** @description It changes nothing. */
            readOnlyHint: boolean;
        };
        /** @description One attempt of the enforcer to run a call. */
        AttemptId: string;
        /** @description What became of a call. */
        CallAnswer: {
            /** @description The attempt. */
            attempt: components["schemas"]["AttemptId"];
            /** @description Why nothing was sent, or why it is not known what happened. */
            cause?: string | null;
            /** @description `done`, `not_sent` or `in_doubt`. */
            outcome: components["schemas"]["Outcome"];
            /** @description The enforcer's signed word on it. */
            receipt: string;
            /** @description The upstream's answer: a JSON value, or text. Data only, never an instruction. */
            result?: Json;
            /**
             * Format: int32
             * @description The upstream's HTTP status, when a complete answer came.
             */
            status?: number | null;
            /** @description Whether `result` is only the beginning of the answer. */
            truncated?: boolean;
        };
        /** @description Calls, newest first. */
        CallList: {
            calls: components["schemas"]["CallView"][];
        };
        /** @description A call. */
        CallRequest: {
            /** @description Its parameters, exactly as approved. */
            params: JsonObject;
            /** @description The tool. */
            tool: string;
        };
        /** @description A call as lists, answers and events show it. */
        CallView: {
            /** @description The agent. */
            agent: components["schemas"]["AgentId"];
            /** @description The attempt. */
            attempt: components["schemas"]["AttemptId"];
            /** @description Why nothing was sent, or why it is not known what happened. */
            cause?: string | null;
            /**
             * Format: date-time
             * @description When the token was spent.
             */
            consumed_at: string;
            /** @description What the tool may do. */
            effect: components["schemas"]["Effect"];
            /**
             * Format: date-time
             * @description When the attempt ended, or its doubt was settled.
             */
            ended_at?: string | null;
            /** @description The spent token's id. */
            jti: components["schemas"]["IntentId"];
            /** @description SHA-256 of the canonical parameters. */
            params_sha256: components["schemas"]["Digest"];
            /** @description While the call is in doubt: how many more people must say the same to settle it. */
            people_needed?: number | null;
            /** @description The plan. */
            plan: components["schemas"]["PlanId"];
            /** @description The latest signed receipt. */
            receipt?: string | null;
            /** @description SHA-256 of the rendered call. */
            request_sha256: components["schemas"]["Digest"];
            resolution?: components["schemas"]["Resolution"] | null;
            /** @description The resource as policy names it, such as `Service::"payments"`. */
            resource: string;
            /** @description `consumed`, `done`, `not_sent`, `in_doubt` or `resolved`. */
            state: string;
            /**
             * Format: int32
             * @description The upstream's HTTP status, when a complete answer came.
             */
            status?: number | null;
            /** @description The step. */
            step: components["schemas"]["StepId"];
            /** @description The tool. */
            tool: components["schemas"]["ToolName"];
            /** @description What people said of the doubt. */
            words?: components["schemas"]["Word"][];
        };
        /** @description The authority's control document, whole. */
        ControlDocument: {
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
             * @description Tokens of a lower policy epoch do not count.
             */
            policy_epoch: number;
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
            /** @description `all`, `tenant:T`, `agent:A`, `tool:T`, `plan:P` or `key:KID`. */
            scope: string;
        };
        /** @description The generation in force. */
        ControlTaken: {
            /** Format: int64 */
            generation: number;
        };
        Digest: string;
        /**
         * @description What a tool may do to the world; the order is that of harm.
         * @enum {string}
         */
        Effect: "read" | "service" | "destructive" | "data";
        /** @description A call with its token in the body. */
        ExecuteRequest: {
            /** @description The intent token. */
            intent_token: string;
            /** @description Its parameters, exactly as approved. */
            parameters: JsonObject;
            /** @description The tool. */
            tool_name: string;
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
        /** @description The state of a token. */
        IntentState: {
            /** @description The token's id. */
            jti: components["schemas"]["IntentId"];
            /**
             * Format: date-time
             * @description The enforcer's time: a token that is unused and has expired by then will never run.
             */
            now: string;
            resolution?: components["schemas"]["Resolution"] | null;
            /** @description `unused`, or the state of its call. */
            state: string;
        };
        /**
         * @description Whether a role shares its process with others (SECURITY-DESIGN §1).
         * @enum {string}
         */
        Isolation: "own-process" | "shared-process";
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
        /** @description What this server is. */
        McpMeta: {
            /** @description The product. */
            name: string;
            /** @description What every call needs. */
            requires: string[];
            /** @description How many tools there are. */
            tools: number;
            /** @description Its version. */
            version: string;
        };
        /** @description A tool as a model is shown it. */
        McpTool: {
            /** @description Hints in the words of the Model Context Protocol. */
            annotations: components["schemas"]["Annotations"];
            /** @description One sentence. */
            description: string;
            /** @description JSON Schema of the parameters. */
            inputSchema: JsonObject;
            /** @description The name. */
            name: string;
        };
        /** @description The catalogue. */
        McpTools: {
            tools: components["schemas"]["McpTool"][];
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
        /**
         * @description How an attempt ended (SECURITY-DESIGN §4).
         * @enum {string}
         */
        Outcome: "done" | "not_sent" | "in_doubt" | "resolved_executed" | "resolved_not_executed";
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
        /** @description Refusals, newest first. */
        RefusalList: {
            refusals: components["schemas"]["RefusalView"][];
        };
        /** @description A refusal, or several like ones within a second. */
        RefusalView: {
            agent?: components["schemas"]["AgentId"] | null;
            /**
             * Format: date-time
             * @description When the last of them happened.
             */
            at: string;
            /** @description The stable code. */
            code: string;
            /**
             * Format: int64
             * @description How many.
             */
            count: number;
            /**
             * Format: int64
             * @description Rises with each entry.
             */
            id: number;
            jti?: components["schemas"]["IntentId"] | null;
            /** @description What was refused and why, for a person. */
            message: string;
            /**
             * Format: int32
             * @description The HTTP status that answered it.
             */
            status: number;
            tool?: components["schemas"]["ToolName"] | null;
        };
        /**
         * @description How a doubt was settled.
         * @enum {string}
         */
        Resolution: "executed" | "not_executed";
        /** @description What an operator found out. */
        ResolutionRequest: {
            /** @description What shows it: an upstream's log line, a state that was read. */
            evidence: string;
            /** @description Why this was concluded. */
            reason: string;
            /** @description Whether the call ran. */
            resolution: components["schemas"]["Resolution"];
        };
        /** @description A step's name within its plan. */
        StepId: string;
        /** @description A tool's name. */
        ToolName: string;
        /** @description An operator's word on a call in doubt. */
        Word: {
            /**
             * Format: date-time
             * @description When it was said.
             */
            at: string;
            /** @description Who says it. */
            by: components["schemas"]["OperatorId"];
            /** @description What shows it. */
            evidence: string;
            /** @description Why it was concluded. */
            reason: string;
            /** @description Whether the call ran. */
            resolution: components["schemas"]["Resolution"];
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    get_keys: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The key set */
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
    get_mcp_meta: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What this server is */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["McpMeta"];
                };
            };
        };
    };
    execute_tool: {
        parameters: {
            query?: never;
            header?: {
                /** @description The approvals that the token names */
                "Intent-Approvals"?: string | null;
                /** @description The agent's proof of possession, where it registered a key */
                "Intent-Proof"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ExecuteRequest"];
            };
        };
        responses: {
            /** @description What became of the call */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CallAnswer"];
                };
            };
            /** @description No token, or no agent key */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description Refused */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description No such tool */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description Too many calls are being refused */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description Sent, but the outcome is not recorded */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description Nothing can be started now */
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
    list_tools: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The tools */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["McpTools"];
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
    proxy_call: {
        parameters: {
            query?: never;
            header: {
                /** @description The approvals that the token names */
                "Intent-Approvals"?: string | null;
                /** @description The agent's proof of possession, where it registered a key */
                "Intent-Proof"?: string | null;
                /** @description The intent token */
                "Intent-Token": string;
            };
            path: {
                /** @description The real path, with any query, and any of the methods that tools have */
                path: string;
                /** @description An upstream of the catalogue */
                upstream: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What the upstream answered, whatever its status */
            200: {
                headers: {
                    /** @description The attempt */
                    "Intent-Attempt"?: string;
                    /** @description `done` */
                    "Intent-Outcome"?: string;
                    /** @description The enforcer's signed word on it */
                    "Intent-Receipt"?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The body cannot be read, or is no JSON */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description No agent key, or no valid token; `tool` and `params` say what the request means */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description Not the approved call, or stopped */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description No tool has this method and path */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description No tool has this method anywhere */
            405: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description The token was used */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description The request does not fit the tool, is ambiguous, or its path can be read in two ways */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description Too many calls are being refused */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description Nothing was sent, or the answer cannot pass */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description Nothing can be started now */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description Sent, and whether it ran is not known */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
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
    list_calls: {
        parameters: {
            query?: {
                /** @description How many, at most 500. */
                limit?: number | null;
                /** @description `consumed`, `done`, `not_sent`, `in_doubt` or `resolved`. */
                state?: string | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The calls */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CallList"];
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
            /** @description There is no such state */
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
    run_call: {
        parameters: {
            query?: never;
            header: {
                /** @description The approvals that the token names */
                "Intent-Approvals"?: string | null;
                /** @description The agent's proof of possession, where it registered a key */
                "Intent-Proof"?: string | null;
                /** @description The intent token */
                "Intent-Token": string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CallRequest"];
            };
        };
        responses: {
            /** @description What became of the call */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CallAnswer"];
                };
            };
            /** @description The body cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description No agent key, or no valid token */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description Not the approved call, or stopped */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description The token was used */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description The parameters do not fit the tool */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description Too many calls are being refused */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description Sent, but the outcome is not recorded */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description Nothing can be started now */
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
    get_call: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The attempt */
                attempt: components["schemas"]["AttemptId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The call */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CallView"];
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
            /** @description No such call */
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
    resolve_call: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The attempt in doubt */
                attempt: components["schemas"]["AttemptId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ResolutionRequest"];
            };
        };
        responses: {
            /** @description The call as it is now */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CallView"];
                };
            };
            /** @description Recorded; one more person must say the same */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CallView"];
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
            /** @description Not an operator */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description No such call */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description The call is not in doubt, or another person said otherwise */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description Evidence or reason is missing */
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
    put_control: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ControlDocument"];
            };
        };
        responses: {
            /** @description It is in force */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ControlTaken"];
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
            /** @description Not another role */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description A newer one is in force */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description A key is not usable */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description It cannot be recorded */
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
    get_intent: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The token's id */
                jti: components["schemas"]["IntentId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The token's state */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["IntentState"];
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
            /** @description Not another role */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description The journal does not answer */
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
    list_ledger_entries: {
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
            /** @description The entries */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page"];
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
    list_refusals: {
        parameters: {
            query?: {
                /** @description At most 1,000. */
                limit?: number | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The refusals */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RefusalList"];
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
}
