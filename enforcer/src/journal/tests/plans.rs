//! How the databases find what the writer asks for: by index, never by looking at every row.

use countersign_intent::id::{AttemptId, IntentId, TenantId};
use countersign_ledger::statement::{Statement, run};
use countersign_service::database::Engine;
use jiff::Timestamp;
use sqlx::{AssertSqlSafe, Row as _};

use super::desk::{BOTH, Desk};
use crate::journal::Journal;
use crate::journal::store::{calls, receipts};

const FILL: &str = include_str!("../../../../scripts/fill-journal.sql");

async fn fill(journal: &Journal, rows: usize) {
    let text = FILL.replace(":rows", &rows.to_string());
    let mut write = journal.shared().database.write().await.unwrap();
    for statement in text
        .split(";\n")
        .filter(|text| text.contains("INTO") || text.contains("SET"))
    {
        sqlx::query(AssertSqlSafe(statement.to_owned()))
            .execute(&mut *write)
            .await
            .unwrap();
    }
    write.commit().await.unwrap();
    // A server looks at its tables by itself, sooner or later; a file is never looked at.
    if journal.shared().database.engine() == Engine::Postgres {
        let mut write = journal.shared().database.write().await.unwrap();
        sqlx::query("ANALYZE").execute(&mut *write).await.unwrap();
        write.commit().await.unwrap();
    }
}

fn statements() -> Vec<(&'static str, Statement)> {
    let tenant = TenantId::single();
    let now = Timestamp::from_second(super::desk::START).unwrap();
    let jtis: Vec<IntentId> = (0..3).map(|byte| IntentId::mint(now, [byte; 10])).collect();
    let ids: Vec<String> = jtis.iter().map(|jti| format!("{jti}:done")).collect();
    let plan = countersign_intent::id::PlanId::mint(now, [1; 10]);
    let step = "s1".parse().unwrap();
    vec![
        ("find", calls::find(&tenant, &jtis)),
        ("holders", calls::holders(&tenant, ["Service::\"a\"", "Service::\"b\""])),
        ("of_steps", calls::of_steps(&tenant, [(&plan, &step)])),
        ("posted", receipts::posted(&ids)),
        (
            "advance",
            Statement::new(
                "UPDATE consumed SET state = v.column3 FROM (VALUES (?, ?, ?), (?, ?, ?)) AS v \
                 WHERE consumed.tenant = ? AND consumed.jti = v.column1 AND consumed.state = v.column2",
            )
            .bind("0").bind("consumed").bind("done").bind("1").bind("consumed").bind("done")
            .bind("default"),
        ),
        (
            "list",
            Statement::new("SELECT * FROM consumed c WHERE c.tenant || '' = ? ORDER BY c.attempt DESC LIMIT 50")
                .bind("default"),
        ),
        (
            "list by state",
            Statement::new(
                "SELECT * FROM consumed c WHERE c.tenant || '' = ? AND c.state = ? AND c.state <> 'done' \
                 ORDER BY c.attempt DESC LIMIT 50",
            )
            .bind("default")
            .bind("in_doubt"),
        ),
        (
            "list by agent",
            Statement::new(
                "SELECT * FROM consumed c WHERE c.tenant || '' = ? AND c.agent = ? \
                 ORDER BY c.attempt DESC LIMIT 50",
            )
            .bind("default")
            .bind("remediator"),
        ),
        (
            "overdue",
            Statement::new(
                "SELECT * FROM consumed c WHERE c.state = 'consumed' AND c.state <> 'done' \
                 AND c.deadline < ? LIMIT 128",
            )
            .bind(0),
        ),
        (
            "ended",
            Statement::new(
                "SELECT jti, exp FROM consumed WHERE tenant || '' = ? AND attempt < ? \
                 AND state IN ('done', 'not_sent', 'resolved') AND ended_at < ? AND exp < ? \
                 ORDER BY attempt LIMIT 500",
            )
            .bind("default")
            .bind(AttemptId::mint(Timestamp::UNIX_EPOCH, [0; 10]).as_str())
            .bind(0)
            .bind(0),
        ),
    ]
}

#[tokio::test]
async fn nothing_that_is_asked_often_looks_at_every_row() {
    for engine in BOTH {
        let desk = Desk::new(engine);
        let (journal, _writer) = desk.open().await;
        fill(&journal, 20_000).await;
        let mut connection = journal.shared().database.read().acquire().await.unwrap();
        for (name, statement) in statements() {
            let explain = match engine {
                Engine::Sqlite => statement.before("EXPLAIN QUERY PLAN "),
                Engine::Postgres => statement.before("EXPLAIN "),
            };
            let rows = run(&mut connection, vec![explain]).await.unwrap();
            let lines: Vec<String> = rows[0]
                .iter()
                .map(|row| match engine {
                    Engine::Sqlite => row.try_get("detail").unwrap(),
                    Engine::Postgres => row.try_get(0).unwrap(),
                })
                .collect();
            let plan = lines.join("\n");
            // `ORDER BY … LIMIT` walks along an index, which SQLite calls a scan too.
            let whole = |line: &String| match engine {
                Engine::Sqlite => {
                    line.starts_with("SCAN ")
                        && !line.contains("INDEX")
                        && !line.contains("CONSTANT ROW")
                        && !line.contains("VALUES CLAUSE")
                        && !line.contains("SCAN v")
                }
                Engine::Postgres => line.contains("Seq Scan on consumed"),
            };
            assert!(!lines.iter().any(whole), "{engine:?}, {name}:\n{plan}");
            assert!(
                !plan.contains("TEMP B-TREE FOR ORDER BY"),
                "{engine:?}, {name}:\n{plan}"
            );
        }
    }
}
