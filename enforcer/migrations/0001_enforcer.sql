-- What the enforcer remembers. Times are milliseconds since 1970; digests are lowercase hexadecimal.

-- One row per process that ever wrote here, under its name in the ledger. A writer whose lease ended
-- is dead.
CREATE TABLE writer (
    id          TEXT   NOT NULL PRIMARY KEY,
    started_at  BIGINT NOT NULL,
    lease_until BIGINT NOT NULL
);

-- One row per spent token. The state only moves forward; rows are never deleted while their token lives.
CREATE TABLE consumed (
    tenant            TEXT   NOT NULL,
    jti               TEXT   NOT NULL,
    attempt           TEXT   NOT NULL UNIQUE,
    writer            TEXT   NOT NULL,
    -- consumed, not_sent, done, in_doubt or resolved.
    state             TEXT   NOT NULL,
    -- executed or not_executed, once resolved.
    resolution        TEXT,
    -- The upstream's HTTP status, when a complete answer came.
    status            BIGINT,
    -- Why nothing was sent, or why it is not known what happened.
    cause             TEXT,
    agent             TEXT   NOT NULL,
    plan              TEXT   NOT NULL,
    step              TEXT   NOT NULL,
    tool              TEXT   NOT NULL,
    effect            TEXT   NOT NULL,
    rkey              TEXT   NOT NULL,
    params_sha256     TEXT   NOT NULL,
    request_sha256    TEXT   NOT NULL,
    definition_sha256 TEXT   NOT NULL,
    token_sha256      TEXT   NOT NULL,
    body_sha256       TEXT,
    body_length       BIGINT,
    exp               BIGINT NOT NULL,
    consumed_at       BIGINT NOT NULL,
    -- A call that is still consumed after this time will not end by itself.
    deadline          BIGINT NOT NULL,
    ended_at          BIGINT,
    PRIMARY KEY (tenant, jti)
);
CREATE INDEX consumed_by_time ON consumed (consumed_at, attempt);
CREATE INDEX consumed_by_step ON consumed (tenant, plan, step);
CREATE INDEX consumed_by_state ON consumed (state, consumed_at);

-- One call at a time per resource; kept while a call on it is in doubt.
CREATE TABLE resource_lock (
    tenant TEXT NOT NULL,
    rkey   TEXT NOT NULL,
    jti    TEXT NOT NULL,
    PRIMARY KEY (tenant, rkey)
);

-- Append-only.
CREATE TABLE receipt (
    receipt_id TEXT   NOT NULL PRIMARY KEY,
    attempt    TEXT   NOT NULL,
    jti        TEXT   NOT NULL,
    outcome    TEXT   NOT NULL,
    jws        TEXT   NOT NULL,
    signed_at  BIGINT NOT NULL
);
CREATE INDEX receipt_by_attempt ON receipt (attempt, signed_at);

-- Receipts that the authority has not acknowledged yet.
CREATE TABLE outbox (
    receipt_id TEXT   NOT NULL PRIMARY KEY REFERENCES receipt (receipt_id),
    queued_at  BIGINT NOT NULL
);

-- Tokens issued before the highest of these seconds do not count.
CREATE TABLE floor (
    iat    BIGINT NOT NULL,
    reason TEXT   NOT NULL,
    set_at BIGINT NOT NULL
);

-- One row: the highest time that this journal ever saw.
CREATE TABLE clock (
    id         BIGINT NOT NULL PRIMARY KEY,
    high_water BIGINT NOT NULL
);
