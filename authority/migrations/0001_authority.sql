-- What the authority remembers. Times are milliseconds since 1970; JSON and digests are text.

CREATE TABLE plan (
    plan_id      TEXT   NOT NULL PRIMARY KEY,
    tenant       TEXT   NOT NULL,
    agent        TEXT   NOT NULL,
    requested_by TEXT,
    run          TEXT,
    goal         TEXT   NOT NULL,
    state        TEXT   NOT NULL,
    verdict      TEXT   NOT NULL,
    bundle       TEXT   NOT NULL,
    policy_epoch BIGINT NOT NULL,
    -- 1 when it was made after reading text of unknown authors.
    tainted      BIGINT NOT NULL,
    plan_hash    TEXT   NOT NULL,
    -- The exact canonical bytes that plan_hash covers.
    plan_bytes   TEXT   NOT NULL,
    created_at   BIGINT NOT NULL
);
CREATE INDEX plan_by_time ON plan (tenant, created_at, plan_id);
CREATE INDEX plan_by_agent ON plan (tenant, agent, created_at);
CREATE INDEX plan_by_run ON plan (run);

CREATE TABLE step (
    plan_id           TEXT   NOT NULL REFERENCES plan (plan_id),
    step              TEXT   NOT NULL,
    position          BIGINT NOT NULL,
    tool              TEXT   NOT NULL,
    effect            TEXT   NOT NULL,
    resource          TEXT,
    params            TEXT   NOT NULL,
    bounds            TEXT   NOT NULL,
    after_steps       TEXT   NOT NULL,
    reason            TEXT,
    verdict           TEXT   NOT NULL,
    reasons           TEXT   NOT NULL,
    policies          TEXT   NOT NULL,
    definition_sha256 TEXT   NOT NULL,
    params_sha256     TEXT   NOT NULL,
    request           TEXT,
    request_sha256    TEXT,
    approval_id       TEXT,
    state             TEXT   NOT NULL,
    jti               TEXT,
    expires_at        BIGINT,
    attempt           TEXT,
    status            BIGINT,
    receipt           TEXT,
    PRIMARY KEY (plan_id, step)
);

CREATE TABLE approval (
    approval_id        TEXT   NOT NULL PRIMARY KEY,
    tenant             TEXT   NOT NULL,
    plan_id            TEXT   NOT NULL REFERENCES plan (plan_id),
    step               TEXT   NOT NULL,
    plan_hash          TEXT   NOT NULL,
    -- pending, approved, denied or void; an open one past expires_at is expired.
    state              TEXT   NOT NULL,
    reasons            TEXT   NOT NULL,
    policies           TEXT   NOT NULL,
    rule               TEXT   NOT NULL,
    change_shown       TEXT,
    signature_required BIGINT NOT NULL,
    created_at         BIGINT NOT NULL,
    expires_at         BIGINT NOT NULL,
    -- The token that this approval led to; an approval leads to one.
    used_jti           TEXT
);
CREATE INDEX approval_by_time ON approval (tenant, created_at, approval_id);
CREATE INDEX approval_by_plan ON approval (plan_id, step);

CREATE TABLE approval_decision (
    approval_id TEXT   NOT NULL REFERENCES approval (approval_id),
    operator    TEXT   NOT NULL,
    roles       TEXT   NOT NULL,
    decision    TEXT   NOT NULL,
    reason      TEXT   NOT NULL,
    signature   TEXT,
    decided_at  BIGINT NOT NULL,
    PRIMARY KEY (approval_id, operator)
);

-- One row per signed token. The text of a token is never stored.
CREATE TABLE issued (
    jti            TEXT   NOT NULL PRIMARY KEY,
    plan_id        TEXT   NOT NULL REFERENCES plan (plan_id),
    step           TEXT   NOT NULL,
    tenant         TEXT   NOT NULL,
    agent          TEXT   NOT NULL,
    tool           TEXT   NOT NULL,
    resource       TEXT,
    kid            TEXT   NOT NULL,
    token_sha256   TEXT   NOT NULL,
    params_sha256  TEXT   NOT NULL,
    request_sha256 TEXT   NOT NULL,
    use_kind       TEXT   NOT NULL,
    issued_at      BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL
);
CREATE INDEX issued_by_step ON issued (plan_id, step);
CREATE INDEX issued_by_target ON issued (tenant, tool, issued_at);
CREATE INDEX issued_by_agent ON issued (tenant, agent, issued_at);

CREATE TABLE receipt (
    receipt_sha256 TEXT   NOT NULL PRIMARY KEY,
    jti            TEXT   NOT NULL,
    attempt        TEXT   NOT NULL,
    plan_id        TEXT   NOT NULL,
    step           TEXT   NOT NULL,
    kid            TEXT   NOT NULL,
    outcome        TEXT   NOT NULL,
    status         BIGINT,
    ended_at       BIGINT NOT NULL,
    jws            TEXT   NOT NULL,
    received_at    BIGINT NOT NULL
);
CREATE INDEX receipt_by_jti ON receipt (jti, ended_at);

-- One row: the generation of the control document, and the epoch below which no token counts.
CREATE TABLE control (
    id           BIGINT NOT NULL PRIMARY KEY,
    generation   BIGINT NOT NULL,
    policy_epoch BIGINT NOT NULL,
    bundle       TEXT
);
INSERT INTO control (id, generation, policy_epoch, bundle) VALUES (1, 1, 1, NULL);

CREATE TABLE control_entry (
    scope  TEXT   NOT NULL PRIMARY KEY,
    set_by TEXT   NOT NULL,
    reason TEXT,
    set_at BIGINT NOT NULL
);

CREATE TABLE signing_key (
    kid        TEXT   NOT NULL PRIMARY KEY,
    jwk        TEXT   NOT NULL,
    state      TEXT   NOT NULL,
    first_seen BIGINT NOT NULL
);
