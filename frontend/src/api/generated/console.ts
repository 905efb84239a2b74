// Generated from docs/api/console.json by `npm run api`. Do not edit.

export interface paths {
    "/api/{role}/{path}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Asks a role in the name of the signed-in person. */
        get: operations["ask_role"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Live changes of all roles as server-sent events.
         * @description Events are those of each role's `/v1/events` with a further member `service`; `ping` comes from the
         *     console and carries its time.
         */
        get: operations["stream_all_events"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/meta": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Says what the console is connected to. */
        get: operations["get_console_meta"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/session": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Says who is signed in. */
        get: operations["get_session"];
        put?: never;
        /** Signs in with a sign-in link's code or with a key. */
        post: operations["open_session"];
        /** Signs out. */
        delete: operations["close_session"];
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
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description What the console is connected to. */
        ConsoleMeta: {
            /** @description Whether this is the demo. */
            demo: boolean;
            /** @description The roles behind it. */
            services: string[];
            /** @description Whether a simulator is among them. */
            simulator: boolean;
            /**
             * Format: date-time
             * @description Its time now.
             */
            time: string;
            /** @description The console's version. */
            version: string;
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
        /** @description A person's name among the operators. */
        OperatorId: string;
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
        /** @description Who is signed in. */
        SessionView: {
            /** @description Their name for other people. */
            name: string;
            /** @description The person. */
            operator: components["schemas"]["OperatorId"];
            /** @description Their roles. */
            roles: string[];
        };
        /** @description A way to sign in: exactly one of the two. */
        SignIn: {
            /** @description The code of a sign-in link. */
            code?: string | null;
            /** @description An operator's or approver's key. */
            key?: string | null;
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
    ask_role: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description A path of that role, with any method and body it takes */
                path: string;
                /** @description `authority`, `enforcer`, `planner` or `simulator` */
                role: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What the role answers, whatever its status */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Nobody is signed in */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description No such role here */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
            /** @description The role does not answer */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemDocument"];
                };
            };
        };
    };
    stream_all_events: {
        parameters: {
            query?: never;
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
            /** @description Nobody is signed in */
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
    get_console_meta: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The roles behind it */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ConsoleMeta"];
                };
            };
            /** @description Nobody is signed in */
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
    get_session: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The person */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionView"];
                };
            };
            /** @description Nobody is signed in */
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
    open_session: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SignIn"];
            };
        };
        responses: {
            /** @description Signed in; the cookie is set */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionView"];
                };
            };
            /** @description Nobody has this code or key */
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
    close_session: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Signed out */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
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
}
