-- A resource has one call at a time, kept while a call on it is in doubt: what `resource_lock` said in
-- rows of its own follows from the state of the calls. The table stays for programs of before, empty.
CREATE UNIQUE INDEX consumed_holds ON consumed (tenant, rkey)
    WHERE state IN ('consumed', 'in_doubt') AND effect <> 'read';
DELETE FROM resource_lock;

-- What cannot be undone runs once per approved step, whoever asks.
DROP INDEX consumed_by_step;
CREATE UNIQUE INDEX consumed_step_once ON consumed (tenant, plan, step)
    WHERE effect IN ('destructive', 'data') AND state <> 'not_sent'
    AND (resolution IS NULL OR resolution <> 'not_executed');

-- Attempts are numbered by time, so their own index lists them by time. Only calls that are not `done`
-- are looked for by state; a call is on its way for a moment, and then leaves this index for good.
DROP INDEX consumed_by_time;
DROP INDEX consumed_by_state;
CREATE INDEX consumed_not_done ON consumed (state, attempt) WHERE state <> 'done';
CREATE INDEX consumed_by_agent ON consumed (agent, attempt);

-- The id of a receipt says the attempt and how it ended.
DROP INDEX receipt_by_attempt;
