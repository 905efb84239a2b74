-- Fills a journal with :rows calls that ended well during the last half hour, with ids that sort before any new one.
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -1000000;
BEGIN;
WITH RECURSIVE
  past(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM past WHERE n < :rows),
  now(ms) AS (SELECT CAST(strftime('%s', 'now') AS INTEGER) * 1000)
INSERT INTO consumed (tenant, jti, attempt, writer, state, status, agent, plan, step, tool, effect, rkey,
  params_sha256, request_sha256, definition_sha256, token_sha256, body_sha256, body_length, exp, consumed_at,
  deadline, ended_at)
SELECT 'default', printf('01A%023d', n), printf('att_01A%023d', n), 'enforcer#1', 'done', 200, 'bench',
  printf('pln_01A%023d', n), 's1', printf('bench.scale-%04d', n % 5), 'service',
  printf('Service::"svc-%07d"', n % 1000000), printf('%064x', n), printf('%064x', n * 3), printf('%064x', n % 5),
  printf('%064x', n * 7), printf('%064x', 7), 99, ms - 1800000 + n * 1800000 / :rows + 300000,
  ms - 1800000 + n * 1800000 / :rows, ms - 1800000 + n * 1800000 / :rows + 70000,
  ms - 1800000 + n * 1800000 / :rows + 8
FROM past, now;
COMMIT;
ANALYZE;
PRAGMA journal_mode = WAL;
