-- Puts :rows ended calls, with receipts and records, before those of an enforcer's journal that is not
-- running, to measure or test with a long one. The same text serves both databases:
--   psql -v rows=10000000 -f scripts/fill-journal.sql postgres://…
--   sqlite3 enforcer.db '.parameter set :rows 10000000' '.read scripts/fill-journal.sql'
-- The records are no chain, so a check of the whole ledger fails afterwards: for throwaway data only.

WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :rows)
INSERT INTO consumed (tenant, jti, attempt, writer, state, status, agent, plan, step, tool, effect, rkey,
    params_sha256, request_sha256, definition_sha256, token_sha256, body_sha256, body_length, exp,
    consumed_at, deadline, ended_at)
SELECT 'default', '0000000' || CAST(1000000000000000000 + i AS TEXT),
    'att_0000000' || CAST(1000000000000000000 + i AS TEXT), 'fill#1', 'done', 200, 'filler',
    'pln_0000000' || CAST(1000000000000000000 + i AS TEXT), 's1', 'infra.scale', 'service',
    'Service::"fill-' || CAST(i % 1000 AS TEXT) || '"',
    '000000000000000000000000000000000000000000000' || CAST(1000000000000000000 + i AS TEXT),
    '000000000000000000000000000000000000000000000' || CAST(1000000000000000000 + i AS TEXT),
    '000000000000000000000000000000000000000000000' || CAST(1000000000000000000 + i AS TEXT),
    '000000000000000000000000000000000000000000000' || CAST(1000000000000000000 + i AS TEXT),
    '000000000000000000000000000000000000000000000' || CAST(1000000000000000000 + i AS TEXT),
    2, 1700000060000 + i, 1700000000000 + i, 1700000090000 + i, 1700000001000 + i
FROM n;

INSERT INTO receipt (receipt_id, attempt, jti, outcome, jws, signed_at)
SELECT attempt || ':done', attempt, jti, 'done', 'filled', ended_at FROM consumed WHERE writer = 'fill#1';

INSERT INTO ledger_writer (writer, role, epoch, wseq) VALUES ('fill#1', 'fill', 1, 0);

INSERT INTO ledger_entry (idx, tenant, writer, wseq, kind, jti, record, leaf)
SELECT s.size + c.consumed_at - 1700000000001, c.tenant, c.writer, c.consumed_at - 1700000000001,
    'consume', c.jti, '{}', c.token_sha256
FROM ledger_state s, consumed c WHERE c.writer = 'fill#1';

UPDATE ledger_state SET size = (SELECT MAX(idx) + 1 FROM ledger_entry);
