// Generated from docs/api/simulator.json by `npm run api`. Do not edit.

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
    "/mcp/alerts/create": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Adds an alert that a person reports. */
        post: operations["create_alert"];
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
    "/v1/alerts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists alerts; also with an operator key. */
        get: operations["list_alerts"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/alerts/{alert_id}/resolve": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Closes an alert with a note. While its cause persists, another one follows. */
        post: operations["resolve_alert"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/audit-log": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists what was done, newest first. */
        get: operations["list_audit_entries"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/databases/{db_id}/backups": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Copies what a database holds. */
        post: operations["create_backup"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/databases/{db_id}/restore": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Replaces what a database holds by a backup. */
        post: operations["restore_database"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/databases/{db_id}/wipe": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Deletes everything in a database. */
        post: operations["wipe_database"];
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
    "/v1/faults": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists active faults. A fault that was healed, by whomever, is gone from here. */
        get: operations["list_faults"];
        put?: never;
        /** Breaks something, or with `reset` restores the world. */
        post: operations["inject_fault"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/faults/{fault_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Heals one fault. */
        delete: operations["clear_fault"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/keys/{target_id}/rotate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Replaces the API key of a service and counts it; the key itself is not answered. */
        post: operations["rotate_key"];
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
    "/v1/services": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists all services. */
        get: operations["list_services"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/services/{service_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Reads one service. */
        get: operations["read_service"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/services/{service_id}/restart": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Replaces all processes of a service. */
        post: operations["restart_service"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/services/{service_id}/rollback": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Puts an earlier version of a service into service. The body may be absent. */
        post: operations["rollback_service"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/services/{service_id}/scale": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Sets how many replicas a service has. */
        post: operations["scale_service"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/services/{service_id}/shutdown": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Stops a service until somebody starts it again. */
        post: operations["shutdown_service"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/state": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Reads the whole world, with a hash that changes with every action and fault and with nothing else. */
        get: operations["read_state"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/users": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists all accounts. */
        get: operations["list_users"];
        put?: never;
        /** Creates an account. */
        post: operations["create_user"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/users/{user_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Removes an account; answers what it was. */
        delete: operations["delete_user"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/users/{user_id}/lock": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Stops an account from signing in. */
        post: operations["lock_user"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/users/{user_id}/password-reset": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Makes the password of an account useless and counts it. */
        post: operations["reset_user_password"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/users/{user_id}/role": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Gives an account another role. */
        put: operations["change_user_role"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/users/{user_id}/unlock": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Lets an account sign in again. */
        post: operations["unlock_user"];
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
        /** @description Alerts, newest first. */
        Alerts: {
            alerts: components["schemas"]["AlertView"][];
        };
        /**
         * @description Whether an alert still stands.
         * @enum {string}
         */
        AlertStatus: "open" | "resolved";
        /** @description One alert. */
        AlertView: {
            id: string;
            msg: string;
            /** @description What the one who resolved it wrote. */
            note?: string | null;
            /** Format: date-time */
            opened_at: string;
            /**
             * Format: date-time
             * @description Absent while the alert is open.
             */
            resolved_at?: string | null;
            /** @description The service or database that shows the symptom. */
            resource_id: string;
            severity: components["schemas"]["Severity"];
            status: components["schemas"]["AlertStatus"];
            symptom: components["schemas"]["Symptom"];
        };
        /** @description Entries, newest first. */
        AuditEntries: {
            entries: components["schemas"]["AuditView"][];
        };
        /** @description One thing that was done. */
        AuditView: {
            action: string;
            actor: string;
            /** Format: date-time */
            at: string;
            detail?: string | null;
            /**
             * Format: int64
             * @description Counts up without holes.
             */
            number: number;
            target: string;
        };
        /** @description A backup that was made. */
        BackedUp: components["schemas"]["BackupView"] & {
            db_id: string;
        };
        /** @description One backup of a database. */
        BackupView: {
            backup_id: string;
            /** Format: int64 */
            records: number;
            /** Format: date-time */
            taken_at: string;
        };
        /** @description Another role. */
        ChangeRole: {
            /** @description 1 to 200 characters. */
            role: string;
        };
        /** @description What a new account is made of; each text has 1 to 200 characters. */
        CreateUser: {
            email: string;
            name: string;
            role: string;
            user_id: string;
        };
        /**
         * @description What a database can do at the moment.
         * @enum {string}
         */
        DatabaseStatus: "available" | "empty" | "unavailable";
        /** @description One database. */
        DatabaseView: {
            /** @description Oldest first. */
            backups: components["schemas"]["BackupView"][];
            env: string;
            id: string;
            /** Format: int64 */
            records: number;
            /**
             * Format: int32
             * @description How often a backup was restored.
             */
            restores: number;
            /** @description The service that holds the database. */
            service: string;
            status: components["schemas"]["DatabaseStatus"];
            tier: string;
        };
        /**
         * @description What kind of thing breaks.
         * @enum {string}
         */
        FaultKind: "crash" | "degrade" | "bad-deploy" | "memory-leak" | "traffic-spike" | "storm";
        /** @description Active faults, oldest first. */
        Faults: {
            faults: components["schemas"]["FaultView"][];
        };
        /** @description One active fault; for operators alone. */
        FaultView: {
            /** Format: date-time */
            at: string;
            fault_id: string;
            kind: components["schemas"]["FaultKind"];
            /** @description The service, or for a storm the number of probes. */
            target: string;
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
        /** @description What to break. */
        Inject: {
            kind: components["schemas"]["Kind"];
            /** @description The service; for a storm the number of probes, 1 to 500; for a reset nothing. */
            target?: string;
        };
        /**
         * @description Whether a role shares its process with others (SECURITY-DESIGN §1).
         * @enum {string}
         */
        Isolation: "own-process" | "shared-process";
        /** @description The API key of one service, without the key. */
        KeyView: {
            /** Format: date-time */
            rotated_at: string;
            /**
             * Format: int32
             * @description How often it was replaced.
             */
            rotations: number;
            target_id: string;
        };
        /**
         * @description The kinds of faults, and the end of all of them.
         * @enum {string}
         */
        Kind: "crash" | "degrade" | "bad-deploy" | "memory-leak" | "traffic-spike" | "storm" | "reset";
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
        /** @description What the operating system says about a service's program. */
        ProcessView: {
            /**
             * Format: int32
             * @description Absent while it runs.
             */
            exit_code?: number | null;
            /**
             * Format: int32
             * @description How often it was restarted.
             */
            restarts: number;
            /** Format: date-time */
            started_at: string;
            state: components["schemas"]["ProcessWord"];
        };
        /**
         * @description Whether a service's program runs.
         * @enum {string}
         */
        ProcessWord: "running" | "exited";
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
        /** @description What a person saw. */
        Report: {
            /** @description 1 to 2,000 characters. */
            msg: string;
            /** @description The service or database that it is about. */
            resource_id: string;
            severity: components["schemas"]["Severity"];
        };
        /** @description Why an alert needs no further attention. */
        Resolution: {
            /** @description 1 to 2,000 characters. */
            note: string;
        };
        /** @description Which backup is wanted. */
        Restore: {
            backup_id: string;
        };
        /** @description Which version is wanted. */
        Rollback: {
            /** @description One of the service's versions; the one before the current one when absent. */
            version?: string | null;
        };
        /** @description How many replicas are wanted. */
        Scale: {
            /**
             * Format: int64
             * @description 0 to 100.
             */
            replicas: number;
        };
        /** @description All services. */
        Services: {
            /** @description By name. */
            services: components["schemas"]["ServiceView"][];
        };
        /** @description One service as monitoring and the platform show it. */
        ServiceView: {
            /**
             * Format: double
             * @description 0 to 100.
             */
            cpu_percent: number;
            /** @description The services that this one calls. */
            depends_on: string[];
            env: string;
            /**
             * Format: double
             * @description Share of failed requests, 0 to 1.
             */
            error_rate: number;
            /** @description The name of the service. */
            id: string;
            /** Format: double */
            latency_ms: number;
            /**
             * Format: double
             * @description 0 to 100.
             */
            memory_percent: number;
            process: components["schemas"]["ProcessView"];
            /** @description How many of them pass their health check. */
            ready_replicas: number;
            /** @description How many replicas are wanted. */
            replicas: number;
            /** Format: double */
            requests_per_second: number;
            status: components["schemas"]["Status"];
            tier: string;
            /** @description The version in service. */
            version: string;
            /** @description Every version deployed so far, oldest first. */
            versions: components["schemas"]["VersionView"][];
        };
        /**
         * @description How urgent an alert is.
         * @enum {string}
         */
        Severity: "info" | "warning" | "critical";
        /** @description The whole world; for operators alone. */
        StateView: {
            /**
             * Format: int64
             * @description Actions carried out since the start or the last reset.
             */
            actions: number;
            alerts: components["schemas"]["AlertView"][];
            /** Format: date-time */
            at: string;
            databases: components["schemas"]["DatabaseView"][];
            faults: components["schemas"]["FaultView"][];
            keys: components["schemas"]["KeyView"][];
            services: components["schemas"]["ServiceView"][];
            /**
             * @description Hash of everything that only an action or a fault can change: no times, no metrics, no
             *     alerts. Equal hashes mean that nothing was done in between.
             */
            state_sha256: string;
            users: components["schemas"]["UserView"][];
        };
        /**
         * @description Health in one word.
         * @enum {string}
         */
        Status: "up" | "degraded" | "down";
        /**
         * @description What was observed; says nothing about why.
         * @enum {string}
         */
        Symptom: "health_check_failing" | "high_latency" | "high_error_rate" | "memory_high" | "cpu_saturated" | "database_unavailable" | "reported";
        /** @description All accounts. */
        Users: {
            /** @description By name. */
            users: components["schemas"]["UserView"][];
        };
        /** @description One account. */
        UserView: {
            /** Format: date-time */
            created_at: string;
            email: string;
            locked: boolean;
            name: string;
            /** Format: int32 */
            password_resets: number;
            role: string;
            user_id: string;
        };
        /** @description One deployed version. */
        VersionView: {
            /** Format: date-time */
            deployed_at: string;
            version: string;
        };
        /** @description That the wipe is meant. */
        Wipe: {
            /** @description The name of the database again. */
            confirm: string;
        };
        /** @description That the world is as at the start. */
        WorldReset: {
            /** Format: date-time */
            at: string;
            /** @description `reset`. */
            kind: string;
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
    create_alert: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Report"];
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
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AlertView"];
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
    list_alerts: {
        parameters: {
            query?: {
                /** @description Only those of this urgency */
                severity?: components["schemas"]["Severity"];
                /** @description Only open or resolved ones */
                status?: components["schemas"]["AlertStatus"];
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
                    "application/json": components["schemas"]["Alerts"];
                };
            };
        };
    };
    resolve_alert: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                alert_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Resolution"];
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
                    "application/json": components["schemas"]["AlertView"];
                };
            };
        };
    };
    list_audit_entries: {
        parameters: {
            query?: {
                /** @description 50 when absent */
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
                    "application/json": components["schemas"]["AuditEntries"];
                };
            };
        };
    };
    create_backup: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                db_id: string;
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
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BackedUp"];
                };
            };
        };
    };
    restore_database: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                db_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Restore"];
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
                    "application/json": components["schemas"]["DatabaseView"];
                };
            };
        };
    };
    wipe_database: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                db_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Wipe"];
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
                    "application/json": components["schemas"]["DatabaseView"];
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
    list_faults: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Faults"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDocument"];
                };
            };
        };
    };
    inject_fault: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Inject"];
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
                    "application/json": components["schemas"]["WorldReset"];
                };
            };
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FaultView"];
                };
            };
        };
    };
    clear_fault: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                fault_id: string;
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
            /** @description The fault that was healed */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FaultView"];
                };
            };
        };
    };
    rotate_key: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                target_id: string;
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
                    "application/json": components["schemas"]["KeyView"];
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
    list_services: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Services"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDocument"];
                };
            };
        };
    };
    read_service: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                service_id: string;
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
                    "application/json": components["schemas"]["ServiceView"];
                };
            };
        };
    };
    restart_service: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                service_id: string;
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
                    "application/json": components["schemas"]["ServiceView"];
                };
            };
        };
    };
    rollback_service: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                service_id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["Rollback"] | null;
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
                    "application/json": components["schemas"]["ServiceView"];
                };
            };
        };
    };
    scale_service: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                service_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Scale"];
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
                    "application/json": components["schemas"]["ServiceView"];
                };
            };
        };
    };
    shutdown_service: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                service_id: string;
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
                    "application/json": components["schemas"]["ServiceView"];
                };
            };
        };
    };
    read_state: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StateView"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDocument"];
                };
            };
        };
    };
    list_users: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Users"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDocument"];
                };
            };
        };
    };
    create_user: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateUser"];
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
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UserView"];
                };
            };
        };
    };
    delete_user: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                user_id: string;
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
                    "application/json": components["schemas"]["UserView"];
                };
            };
        };
    };
    lock_user: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                user_id: string;
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
                    "application/json": components["schemas"]["UserView"];
                };
            };
        };
    };
    reset_user_password: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                user_id: string;
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
                    "application/json": components["schemas"]["UserView"];
                };
            };
        };
    };
    change_user_role: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                user_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ChangeRole"];
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
                    "application/json": components["schemas"]["UserView"];
                };
            };
        };
    };
    unlock_user: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                user_id: string;
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
                    "application/json": components["schemas"]["UserView"];
                };
            };
        };
    };
}
