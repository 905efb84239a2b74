-- Runs. The document is the whole run as JSON; the other columns are there to find it.
CREATE TABLE run (
    run_id     TEXT   NOT NULL PRIMARY KEY,
    state      TEXT   NOT NULL,
    -- 1 until the run has ended.
    active     BIGINT NOT NULL,
    -- Microseconds since 1970.
    created    BIGINT NOT NULL,
    updated    BIGINT NOT NULL,
    document   TEXT   NOT NULL
);

CREATE INDEX run_by_age ON run (created, run_id);
CREATE INDEX run_active ON run (active, created);
