-- How the token's precondition was looked at: probe, or NULL for a token without one.
ALTER TABLE consumed ADD COLUMN precondition TEXT;

-- What people said of a call in doubt: the last word of each.
CREATE TABLE word (
    tenant     TEXT   NOT NULL,
    jti        TEXT   NOT NULL,
    operator   TEXT   NOT NULL,
    -- executed or not_executed.
    resolution TEXT   NOT NULL,
    evidence   TEXT   NOT NULL,
    reason     TEXT   NOT NULL,
    said_at    BIGINT NOT NULL,
    PRIMARY KEY (tenant, jti, operator)
);
