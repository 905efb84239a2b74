use std::borrow::Cow;
use std::os::unix::fs::PermissionsExt as _;

use sqlx::SqlSafeStr as _;
use sqlx::migrate::MigrationType;
use tempfile::TempDir;

use super::*;

fn migrator(version: i64, sql: &'static str) -> Migrator {
    let kind = MigrationType::Simple;
    let migration = Migration::new(
        version,
        Cow::Borrowed("test"),
        kind,
        sql.into_sql_str(),
        false,
    );
    Migrator::with_migrations(vec![migration])
}

fn notes() -> Migrator {
    migrator(
        1,
        "CREATE TABLE note (id BIGINT PRIMARY KEY, text TEXT, born BIGINT NOT NULL)",
    )
}

fn marks() -> Migrator {
    migrator(
        1000,
        "CREATE TABLE mark (note BIGINT NOT NULL REFERENCES note (id))",
    )
}

async fn fresh() -> (TempDir, Database) {
    let folder = tempfile::tempdir().unwrap();
    let url = sqlite_url(&folder.path().join("role.db"));
    let database = Database::open(&url, &[&notes(), &marks()]).await.unwrap();
    (folder, database)
}

async fn add(database: &Database, id: i64, text: Option<&str>) -> Result<(), sqlx::Error> {
    let mut write = database.write().await?;
    sqlx::query("INSERT INTO note (id, text, born) VALUES ($1, $2, $3)")
        .bind(id)
        .bind(text)
        .bind(i64::MAX)
        .execute(&mut *write)
        .await?;
    write.commit().await
}

async fn count(database: &Database) -> i64 {
    sqlx::query_scalar("SELECT COUNT(*) FROM note")
        .fetch_one(database.read())
        .await
        .unwrap()
}

#[tokio::test]
async fn text_big_integers_and_nulls_come_back() {
    let (_folder, database) = fresh().await;
    add(&database, 1, Some("ünï — ok")).await.unwrap();
    add(&database, 2, None).await.unwrap();
    let rows: Vec<(i64, Option<String>, i64)> =
        sqlx::query_as("SELECT id, text, born FROM note WHERE id >= $1 ORDER BY id")
            .bind(1)
            .fetch_all(database.read())
            .await
            .unwrap();
    let expected = vec![
        (1, Some("ünï — ok".to_owned()), i64::MAX),
        (2, None, i64::MAX),
    ];
    assert_eq!(rows, expected);
    assert_eq!(database.engine(), Engine::Sqlite);
    database.check().await.unwrap();
}

#[tokio::test]
async fn dropped_write_changes_nothing_and_frees_the_writer() {
    let (_folder, database) = fresh().await;
    let mut write = database.write().await.unwrap();
    sqlx::query("INSERT INTO note (id, born) VALUES (9, 9)")
        .execute(&mut *write)
        .await
        .unwrap();
    drop(write);
    assert_eq!(count(&database).await, 0);
    add(&database, 1, None).await.unwrap();
    assert_eq!(count(&database).await, 1);
}

#[tokio::test]
async fn readers_do_not_write_and_do_not_wait_for_the_writer() {
    let (_folder, database) = fresh().await;
    let write = database.write().await.unwrap();
    assert_eq!(count(&database).await, 0);
    let refused = sqlx::query("DELETE FROM note")
        .execute(database.read())
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("readonly"), "{refused}");
    write.rollback().await.unwrap();
}

#[tokio::test]
async fn settings_that_keep_records_are_on() {
    let (_folder, database) = fresh().await;
    let mut write = database.write().await.unwrap();
    let mut pragma = async |name: &'static str| -> String {
        let sql = format!("SELECT CAST({name} AS TEXT) FROM pragma_{name}");
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .fetch_one(&mut *write)
            .await
            .unwrap()
    };
    assert_eq!(pragma("journal_mode").await, "wal");
    assert_eq!(pragma("synchronous").await, "2");
    assert_eq!(pragma("foreign_keys").await, "1");
    assert_eq!(pragma("trusted_schema").await, "0");
    let mut number = async |sql: &'static str| -> i64 {
        sqlx::query_scalar(sql)
            .fetch_one(&mut *write)
            .await
            .unwrap()
    };
    assert_eq!(number("PRAGMA wal_autocheckpoint").await, 4_000);
    assert_eq!(number("PRAGMA journal_size_limit").await, 32 << 20);
}

#[tokio::test]
async fn unique_violation_is_recognised() {
    let (_folder, database) = fresh().await;
    add(&database, 1, None).await.unwrap();
    let error = add(&database, 1, None).await.unwrap_err();
    assert!(is_unique_violation(&error) && !is_unavailable(&error));
    assert!(is_unavailable(&sqlx::Error::PoolTimedOut));
}

#[tokio::test]
async fn file_and_log_are_private_and_owned_by_one() {
    let (folder, database) = fresh().await;
    let path = folder.path().join("role.db");
    for name in ["role.db", "role.db-wal", "role.db.lock"] {
        let mode = std::fs::metadata(folder.path().join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let second = Database::open(&sqlite_url(&path), &[]).await.unwrap_err();
    let DatabaseError::Locked {
        database: named, ..
    } = &second
    else {
        panic!("{second}")
    };
    assert_eq!(named, &path);
    assert!(second.to_string().contains("stop it"));
    database.close().await;
    drop(database);
    Database::open(&sqlite_url(&path), &[]).await.unwrap();
}

#[tokio::test]
async fn several_crates_keep_tables_in_one_database_across_starts() {
    let (folder, database) = fresh().await;
    add(&database, 1, None).await.unwrap();
    database.close().await;
    drop(database);
    let url = sqlite_url(&folder.path().join("role.db"));
    let grown = migrator(2, "ALTER TABLE note ADD COLUMN author TEXT");
    let database = Database::open(&url, &[&notes(), &marks(), &grown])
        .await
        .unwrap();
    assert_eq!(count(&database).await, 1);
    database.close().await;
    drop(database);
    Database::open(&url, &[&notes()])
        .await
        .expect("an older program starts on a newer database");
}

#[tokio::test]
async fn changed_or_doubled_migration_is_refused() {
    let (folder, database) = fresh().await;
    database.close().await;
    drop(database);
    let url = sqlite_url(&folder.path().join("role.db"));
    let changed = migrator(1, "CREATE TABLE note (id BIGINT PRIMARY KEY)");
    let error = Database::open(&url, &[&changed]).await.unwrap_err();
    assert!(
        matches!(
            error,
            DatabaseError::Migrate(MigrateError::VersionMismatch(1))
        ),
        "{error}"
    );
    let error = Database::open(&url, &[&notes(), &notes()])
        .await
        .unwrap_err();
    assert!(matches!(error, DatabaseError::VersionTwice(1)), "{error}");
}

#[tokio::test]
async fn foreign_addresses_are_refused_without_their_password() {
    for url in [
        "mysql://me:hunter2@host/db",
        "nonsense",
        "sqlite::memory:",
        "sqlite:///a.db?mode=ro",
    ] {
        let error = Database::open(url, &[]).await.unwrap_err();
        assert!(matches!(error, DatabaseError::Address(_)), "{error}");
        assert!(!error.to_string().contains("hunter2"));
    }
}

#[tokio::test]
async fn odd_file_names_work() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my data?#100%.db");
    let database = Database::open(&sqlite_url(&path), &[&notes()])
        .await
        .unwrap();
    add(&database, 1, None).await.unwrap();
    assert!(path.exists());
}

#[tokio::test]
async fn writer_keeps_its_connection_and_replaces_one_that_was_left_in_a_transaction() {
    let (_folder, database) = fresh().await;
    let mut writer = database.writer();
    let add = "INSERT INTO note (id, born) VALUES (1, 1)";
    let mut unit = writer.begin().await.unwrap();
    sqlx::query(add).execute(&mut *unit).await.unwrap();
    assert_eq!(unit.connection_number(), 1);
    unit.rollback().await;
    let mut unit = writer.begin().await.unwrap();
    assert_eq!(unit.connection_number(), 1);
    sqlx::query(add).execute(&mut *unit).await.unwrap();
    drop(unit);
    assert_eq!(writer.connection_number(), 0);
    let mut unit = writer.begin().await.unwrap();
    assert_eq!(unit.connection_number(), 2);
    sqlx::query(add).execute(&mut *unit).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(writer.connection_number(), 2);
    assert_eq!(count(&database).await, 1);
}

/// Writes until the file, which may grow no more, is full.
async fn fill(database: &Database) -> sqlx::Error {
    let mut write = database.write().await.unwrap();
    let sql = "PRAGMA max_page_count = 1";
    sqlx::query(sql).execute(&mut *write).await.unwrap();
    write.commit().await.unwrap();
    for id in 100.. {
        let text = "x".repeat(3_000);
        if let Err(error) = add(database, id, Some(&text)).await {
            return error;
        }
    }
    unreachable!("the file never fills")
}

#[tokio::test]
async fn full_file_refuses_and_the_database_goes_on_when_there_is_space() {
    let (_folder, database) = fresh().await;
    let error = fill(&database).await;
    assert!(is_unavailable(&error), "{error}");
    let sql = "PRAGMA max_page_count = 1000000";
    let mut write = database.write().await.unwrap();
    sqlx::query(sql).execute(&mut *write).await.unwrap();
    write.commit().await.unwrap();
    add(&database, 1, Some("again")).await.unwrap();
}

#[tokio::test]
async fn log_that_a_long_read_let_grow_is_folded_into_the_file() {
    let (folder, database) = fresh().await;
    let log = folder.path().join("role.db-wal");
    let size = || std::fs::metadata(&log).unwrap().len();
    let mut writer = database.writer();
    let mut id = 0_i64;
    let mut write = async |bytes: usize| {
        let mut unit = writer.begin().await.unwrap();
        id += 1;
        sqlx::query("INSERT INTO note (id, text, born) VALUES ($1, $2, 1)")
            .bind(id)
            .bind("x".repeat(bytes))
            .execute(&mut *unit)
            .await
            .unwrap();
        unit.commit().await.unwrap();
    };
    write(1).await;
    let mut reading = database.read().begin().await.unwrap();
    let _: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM note")
        .fetch_one(&mut *reading)
        .await
        .unwrap();
    while size() < 50 << 20 {
        write(4 << 20).await;
    }
    reading.rollback().await.unwrap();
    for _ in 0..300 {
        write(1).await;
    }
    assert!(size() <= 32 << 20, "{} bytes", size());
    assert!(database.free_space().unwrap().unwrap() > 0);
}
