//! The ledger on a real database: appends, pages, epochs, and every way of tampering that it must find.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use countersign_intent::id::TenantId;
use countersign_ledger::{
    AppendError, ChainError, Kind, Ledger, MIGRATOR, OpenError, Opening, PageQuery, Record, verify,
};
use jiff::Timestamp;
use serde_json::json;
use sqlx::any::AnyPoolOptions;
use sqlx::{AnyConnection, AnyPool, AssertSqlSafe};
use tempfile::TempDir;

const ORIGIN: &str = "example.org/authority";

struct World {
    _folder: TempDir,
    pool: AnyPool,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!(
            "sqlite://{}?mode=rwc",
            folder.path().join("authority.db").display()
        );
        sqlx::any::install_default_drivers();
        let pool = AnyPoolOptions::new()
            .max_connections(2)
            .connect(&url)
            .await
            .unwrap();
        MIGRATOR.run(&pool).await.unwrap();
        Self {
            _folder: folder,
            pool,
        }
    }

    /// Starts the role once more and lets it write `records` records after its boot record.
    async fn start(&self, records: usize) -> Ledger {
        let mut write = self.pool.begin().await.unwrap();
        let ledger = open(&mut write).await.unwrap();
        append(&ledger, &mut write, Kind::Boot, json!({"version": "1"}))
            .await
            .unwrap();
        write.commit().await.unwrap();
        for number in 0..records {
            let mut write = self.pool.begin().await.unwrap();
            append(&ledger, &mut write, Kind::Decision, json!({"step": number}))
                .await
                .unwrap();
            write.commit().await.unwrap();
        }
        ledger
    }

    async fn run(&self, sql: &str) {
        let mut write = self.pool.begin().await.unwrap();
        sqlx::query(AssertSqlSafe(sql.to_owned()))
            .execute(&mut *write)
            .await
            .unwrap();
        write.commit().await.unwrap();
    }

    async fn reopen(&self) -> Result<Ledger, OpenError> {
        open(&mut self.pool.begin().await.unwrap()).await
    }
}

async fn open(write: &mut AnyConnection) -> Result<Ledger, OpenError> {
    let tenant = TenantId::single();
    Ledger::open(
        write,
        Opening {
            origin: ORIGIN,
            tenant: &tenant,
            role: "authority",
        },
    )
    .await
}

async fn append(
    ledger: &Ledger,
    write: &mut AnyConnection,
    kind: Kind,
    body: serde_json::Value,
) -> Result<u64, AppendError> {
    let at: Timestamp = "2030-01-01T00:00:00Z".parse().unwrap();
    ledger
        .append(write, kind, at, body)
        .await
        .map(|appended| appended.index)
}

#[tokio::test]
async fn records_chain_by_writer_and_indexes_have_no_gap() {
    let world = World::new().await;
    let first = world.start(2).await;
    let second = world.start(1).await;
    assert_eq!(
        (first.writer(), second.writer()),
        ("authority#1", "authority#2")
    );
    let page = second
        .page(&world.pool, PageQuery::default())
        .await
        .unwrap();
    assert_eq!(page.origin, ORIGIN);
    assert_eq!(page.next, None);
    let records: Vec<Record> = page
        .entries
        .iter()
        .map(|entry| Record::from_text(&entry.record).unwrap())
        .collect();
    let numbers: Vec<(String, u64)> = records
        .iter()
        .map(|record| (record.writer.clone(), record.wseq))
        .collect();
    let expected = [
        ("authority#1", 0),
        ("authority#1", 1),
        ("authority#1", 2),
        ("authority#2", 0),
        ("authority#2", 1),
    ];
    assert_eq!(
        numbers,
        expected.map(|(writer, wseq)| (writer.to_owned(), wseq))
    );
    assert_eq!(records[3].body["size"], json!(3));
    assert_eq!(records[3].body["head"], json!(page.entries[2].leaf));
    let summary = verify(page.entries.iter().map(|entry| entry.to_entry().unwrap())).unwrap();
    assert_eq!(summary.size, 5);
    assert_eq!(summary.writers["authority#1"].next, 3);
    assert_eq!(summary.last.unwrap().to_string(), page.entries[4].leaf);
    let mut write = world.pool.begin().await.unwrap();
    assert_eq!(second.verify_stored(&mut write).await.unwrap(), summary);
}

#[tokio::test]
async fn record_and_state_change_commit_together_or_not_at_all() {
    let world = World::new().await;
    let ledger = world.start(0).await;
    let mut write = world.pool.begin().await.unwrap();
    append(&ledger, &mut write, Kind::Plan, json!({}))
        .await
        .unwrap();
    drop(write);
    let mut write = world.pool.begin().await.unwrap();
    assert_eq!(
        append(&ledger, &mut write, Kind::Plan, json!({}))
            .await
            .unwrap(),
        1
    );
    write.commit().await.unwrap();
    world.reopen().await.unwrap();
}

#[tokio::test]
async fn token_is_consumed_once() {
    let world = World::new().await;
    let ledger = world.start(0).await;
    let body = json!({"jti": "01J", "token": "a.b.c"});
    let mut write = world.pool.begin().await.unwrap();
    append(&ledger, &mut write, Kind::Issue, body.clone())
        .await
        .unwrap();
    append(&ledger, &mut write, Kind::Consume, body.clone())
        .await
        .unwrap();
    append(&ledger, &mut write, Kind::Outcome, body.clone())
        .await
        .unwrap();
    write.commit().await.unwrap();
    let mut write = world.pool.begin().await.unwrap();
    let again = append(&ledger, &mut write, Kind::Consume, body)
        .await
        .unwrap_err();
    assert!(matches!(again, AppendError::AlreadyConsumed(jti) if jti == "01J"));
    write.rollback().await.unwrap();
    let mut write = world.pool.begin().await.unwrap();
    let nameless = append(&ledger, &mut write, Kind::Consume, json!({}))
        .await
        .unwrap_err();
    assert!(matches!(nameless, AppendError::NoJti));
    let shapeless = append(&ledger, &mut write, Kind::Plan, json!([]))
        .await
        .unwrap_err();
    assert!(matches!(shapeless, AppendError::Body));
}

#[tokio::test]
async fn pages_follow_each_other_and_filter_by_kind() {
    let world = World::new().await;
    let ledger = world.start(6).await;
    let read = &world.pool;
    let mut after = None;
    let mut indexes = Vec::new();
    loop {
        let query = PageQuery {
            after,
            limit: Some(3),
            kind: None,
        };
        let page = ledger.page(read, query).await.unwrap();
        indexes.extend(page.entries.iter().map(|entry| entry.index));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(indexes, (0..7).collect::<Vec<u64>>());
    let boots = PageQuery {
        kind: Some(Kind::Boot),
        ..PageQuery::default()
    };
    assert_eq!(ledger.page(read, boots).await.unwrap().entries.len(), 1);
    let tail = ledger.tail(read, 2).await.unwrap();
    assert_eq!(
        tail.entries
            .iter()
            .map(|entry| entry.index)
            .collect::<Vec<_>>(),
        [5, 6]
    );
}

#[tokio::test]
async fn other_log_in_the_same_database_is_refused() {
    let world = World::new().await;
    world.start(0).await;
    let mut write = world.pool.begin().await.unwrap();
    let tenant = TenantId::single();
    let opening = Opening {
        origin: "example.org/other",
        tenant: &tenant,
        role: "authority",
    };
    let error = Ledger::open(&mut write, opening).await.unwrap_err();
    assert!(matches!(error, OpenError::OtherLog { .. }), "{error}");
}

#[tokio::test]
async fn several_instances_write_into_one_log() {
    let world = World::new().await;
    let tenant = TenantId::single();
    let mut write = world.pool.begin().await.unwrap();
    for role in ["enforcer-a", "enforcer-b", "enforcer-a"] {
        let ledger = Ledger::open(
            &mut write,
            Opening {
                origin: ORIGIN,
                tenant: &tenant,
                role,
            },
        )
        .await
        .unwrap();
        append(&ledger, &mut write, Kind::Boot, json!({}))
            .await
            .unwrap();
    }
    write.commit().await.unwrap();
    let ledger = world.reopen().await.unwrap();
    let mut write = world.pool.begin().await.unwrap();
    let writers = ledger.verify_stored(&mut write).await.unwrap().writers;
    assert_eq!(
        writers.into_keys().collect::<Vec<_>>(),
        ["enforcer-a#1", "enforcer-a#2", "enforcer-b#1"]
    );
}

/// What is done to the tables of a log with the entries 0 to 7 by two writers, and the index that the
/// check must name; `None` where it is the heads or columns that tell.
const EDITS: [(&str, &str, Option<u64>); 14] = [
    (
        "changed record",
        "UPDATE ledger_entry SET record = replace(record, '\"step\":1', '\"step\":9') WHERE idx = 2",
        Some(2),
    ),
    (
        "changed leaf",
        "UPDATE ledger_entry SET leaf = replace(leaf, substr(leaf, 1, 1), 'x') WHERE idx = 2",
        Some(2),
    ),
    (
        "spaces",
        "UPDATE ledger_entry SET record = record || ' ' WHERE idx = 5",
        Some(5),
    ),
    (
        "deleted in the middle",
        "DELETE FROM ledger_entry WHERE idx = 3",
        Some(3),
    ),
    (
        "deleted first",
        "DELETE FROM ledger_entry WHERE idx = 0",
        Some(0),
    ),
    (
        "deleted last",
        "DELETE FROM ledger_entry WHERE idx = 7",
        None,
    ),
    (
        "deleted last, size too",
        "DELETE FROM ledger_entry WHERE idx = 7; UPDATE ledger_state SET size = 7",
        None,
    ),
    (
        "deleted and renumbered",
        "DELETE FROM ledger_entry WHERE idx = 3; \
         UPDATE ledger_entry SET idx = idx + 100 WHERE idx > 3; \
         UPDATE ledger_entry SET idx = idx - 101 WHERE idx > 100; UPDATE ledger_state SET size = 7",
        Some(3),
    ),
    (
        "swapped",
        "UPDATE ledger_entry SET idx = 99 WHERE idx = 1; \
         UPDATE ledger_entry SET idx = 1 WHERE idx = 2; \
         UPDATE ledger_entry SET idx = 2 WHERE idx = 99",
        Some(1),
    ),
    (
        "foreign entry",
        "INSERT INTO ledger_entry SELECT 8, tenant, 'x#1', 0, kind, jti, record, leaf \
         FROM ledger_entry WHERE idx = 7",
        Some(8),
    ),
    ("size lowered", "UPDATE ledger_state SET size = 6", None),
    (
        "head moved",
        "UPDATE ledger_writer SET head = (SELECT leaf FROM ledger_entry WHERE idx = 1) \
         WHERE writer = 'authority#2'",
        None,
    ),
    (
        "other kind in the column",
        "UPDATE ledger_entry SET kind = 'plan' WHERE idx = 2",
        None,
    ),
    (
        "other jti in the column",
        "UPDATE ledger_entry SET jti = 'x' WHERE idx = 2",
        None,
    ),
];

#[tokio::test]
async fn every_edit_of_the_stored_log_is_found_at_start() {
    for (name, sql, expected) in EDITS {
        let world = World::new().await;
        world.start(3).await;
        world.start(3).await;
        for statement in sql.split("; ") {
            world.run(statement).await;
        }
        let error = world.reopen().await.expect_err(name);
        let found = match &error {
            OpenError::Tampered(error) => Some(error.index()),
            OpenError::Disagree(_) => None,
            OpenError::OtherLog { .. } | OpenError::Database(_) | _ => panic!("{name}: {error}"),
        };
        assert_eq!(found, expected, "{name}: {error:?}");
    }
}

#[tokio::test]
async fn cut_off_tail_of_an_earlier_process_shows_in_the_next_boot_record() {
    let world = World::new().await;
    world.start(2).await;
    let ledger = world.start(1).await;
    let page = ledger
        .page(&world.pool, PageQuery::default())
        .await
        .unwrap();
    let mut entries: Vec<_> = page
        .entries
        .iter()
        .map(|entry| entry.to_entry().unwrap())
        .collect();
    entries.remove(2);
    for (index, entry) in entries.iter_mut().enumerate() {
        entry.index = u64::try_from(index).unwrap();
    }
    let error = verify(entries).unwrap_err();
    assert!(matches!(error, ChainError::Boot { index: 2 }), "{error}");
}

#[tokio::test]
async fn only_the_tail_is_read_at_start() {
    let world = World::new().await;
    let ledger = world.start(0).await;
    let mut write = world.pool.begin().await.unwrap();
    for number in 0..1200 {
        append(&ledger, &mut write, Kind::Refuse, json!({"n": number}))
            .await
            .unwrap();
    }
    write.commit().await.unwrap();
    world
        .run("UPDATE ledger_entry SET record = record || ' ' WHERE idx = 100")
        .await;
    world.reopen().await.unwrap();
    let mut write = world.pool.begin().await.unwrap();
    let error = ledger.verify_stored(&mut write).await.unwrap_err();
    assert!(matches!(error, OpenError::Tampered(error) if error.index() == 100));
}
