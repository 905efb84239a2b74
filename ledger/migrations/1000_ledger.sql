-- The append-only log of one role's database. Nothing here is ever updated or deleted but the two
-- heads: `ledger_state.size`, whose row lock orders appends, and `ledger_writer.(wseq, head)`.

CREATE TABLE ledger_state (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    origin TEXT NOT NULL,
    tenant TEXT NOT NULL,
    size BIGINT NOT NULL
);

CREATE TABLE ledger_writer (
    writer TEXT PRIMARY KEY,
    role TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    wseq BIGINT NOT NULL,
    head TEXT,
    UNIQUE (role, epoch)
);

CREATE TABLE ledger_entry (
    idx BIGINT PRIMARY KEY,
    tenant TEXT NOT NULL,
    writer TEXT NOT NULL,
    wseq BIGINT NOT NULL,
    kind TEXT NOT NULL,
    jti TEXT,
    record TEXT NOT NULL,
    leaf TEXT NOT NULL,
    UNIQUE (writer, wseq)
);

-- A token is consumed once, whatever happens to the journal's own table.
CREATE UNIQUE INDEX ledger_entry_consume ON ledger_entry (tenant, jti) WHERE kind = 'consume';

CREATE INDEX ledger_entry_kind ON ledger_entry (kind, idx);

CREATE INDEX ledger_entry_jti ON ledger_entry (jti);
