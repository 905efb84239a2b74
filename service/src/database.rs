//! One database per role: an SQLite file by default, PostgreSQL to scale out, through one code path.
//!
//! SQL is written once, for both: `$1` placeholders, `TEXT` and `BIGINT` columns, no `SUM` (PostgreSQL
//! makes it a `NUMERIC`, which the shared driver cannot read), `ON CONFLICT` and `RETURNING` as needed.
//!
//! With SQLite there is one writing connection, so a task that holds a [`Write`] and begins another
//! waits for itself until the acquire timeout. Keep writes short and never nested.

mod lock;
mod postgres;
mod sqlite;
mod writer;

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migration, Migrator};
use sqlx::{Any, AnyConnection, AnyPool, Transaction};

use lock::FileLock;
pub use writer::{CommitError, Unit, Writer};

/// How long a request waits for a connection before `store_unavailable`.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// A role's database. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    engine: Engine,
    write: AnyPool,
    read: AnyPool,
    /// The file, where there is one.
    file: Option<Arc<Path>>,
    /// Held as long as anybody uses the database.
    lock: Option<Arc<FileLock>>,
}

/// Which database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// A file that this process owns.
    Sqlite,
    /// A PostgreSQL server, which other processes may share.
    Postgres,
}

/// The database was not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// The address is of no supported form.
    #[error("`{0}` is not a database address: write `sqlite:///path/to/file.db` or `postgres://…`")]
    Address(String),
    /// Another process has the file open.
    #[error(
        "another process uses `{}`: stop it, or give this one another data folder (lock file `{}`)",
        database.display(),
        lock.display()
    )]
    Locked {
        /// The database file.
        database: PathBuf,
        /// The lock file.
        lock: PathBuf,
    },
    /// The file or its lock cannot be made.
    #[error("cannot create `{}`", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The database does not let us in.
    #[error("cannot connect to the database")]
    Connect(#[source] sqlx::Error),
    /// A PostgreSQL setting would lose committed records in a crash.
    #[error("PostgreSQL runs with `{setting} = {value}`, which can lose records: turn it on")]
    Unsafe {
        /// The setting.
        setting: &'static str,
        /// Its value.
        value: String,
    },
    /// Two crates claim one migration version.
    #[error("migration {0} is defined twice")]
    VersionTwice(i64),
    /// The tables cannot be brought up to date.
    #[error("cannot migrate the database")]
    Migrate(#[source] MigrateError),
}

/// Ends the process when `error`, of a statement inside a transaction, says that the disk did not take
/// what was written: see [`Unit::commit`].
pub fn end_if_disk_failed(error: &sqlx::Error) {
    sqlite::end_if_disk_failed(error);
}

/// The address of the SQLite file at `path`.
pub fn sqlite_url(path: &Path) -> String {
    format!("sqlite://{}", sqlite::escape(&path.to_string_lossy()))
}

/// Whether `error` says that the database does not answer (rather than that a statement is wrong).
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "every other error of sqlx is our own mistake"
)]
pub fn is_unavailable(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        // SQLITE_BUSY, SQLITE_LOCKED, SQLITE_READONLY, SQLITE_IOERR, SQLITE_FULL, SQLITE_CANTOPEN.
        sqlx::Error::Database(_) => {
            matches!(sqlite::primary_code(error), Some(5 | 6 | 8 | 10 | 13 | 14))
        }
        _ => false,
    }
}

/// Whether `error` is a violated `UNIQUE` or `PRIMARY KEY`.
pub fn is_unique_violation(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

impl Database {
    /// Opens the database at `url` and brings its tables up to date.
    ///
    /// `migrators` are those of every crate that keeps tables here, each with its own range of versions:
    /// a role's own from 1, `ledger`'s from 1000. Versions that none of them knows are left alone, so an
    /// older program still starts on a newer database.
    ///
    /// # Errors
    /// Each [`DatabaseError`].
    pub async fn open(url: &str, migrators: &[&Migrator]) -> Result<Self, DatabaseError> {
        install_drivers();
        let migrator = merge(migrators)?;
        let (scheme, rest) = url
            .split_once(':')
            .ok_or_else(|| DatabaseError::Address(redacted(url)))?;
        let database = match scheme {
            "sqlite" => sqlite::open(rest).await?,
            "postgres" | "postgresql" => postgres::open(url).await?,
            _ => return Err(DatabaseError::Address(redacted(url))),
        };
        migrator
            .run(&database.write)
            .await
            .map_err(DatabaseError::Migrate)?;
        Ok(database)
    }

    /// Which database it is.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// Begins a transaction that may write. With SQLite it is the only one (`BEGIN IMMEDIATE`).
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn write(&self) -> Result<Write, sqlx::Error> {
        let transaction = match self.engine {
            Engine::Sqlite => self.write.begin_with("BEGIN IMMEDIATE").await?,
            Engine::Postgres => self.write.begin().await?,
        };
        Ok(Write(transaction))
    }

    /// Connections for reading outside a transaction: use as an executor, `.fetch_all(database.read())`.
    /// With SQLite they refuse to write.
    pub fn read(&self) -> &AnyPool {
        &self.read
    }

    /// Asks the database for an answer within a second: a readiness check.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn check(&self) -> Result<(), sqlx::Error> {
        let reading =
            sqlx::query_scalar::<_, i64>("SELECT CAST(1 AS BIGINT)").fetch_one(&self.read);
        let reading = tokio::time::timeout(Duration::from_secs(1), reading);
        match reading.await {
            Ok(answer) => answer.map(drop),
            Err(_) => Err(sqlx::Error::PoolTimedOut),
        }
    }

    /// How many bytes are free where the file is; `None` where there is no file.
    ///
    /// # Errors
    /// When the file system does not say.
    pub fn free_space(&self) -> std::io::Result<Option<u64>> {
        let Some(folder) = self.file.as_deref().and_then(Path::parent) else {
            return Ok(None);
        };
        let found = rustix::fs::statvfs(folder)?;
        Ok(Some(found.f_bavail.saturating_mul(found.f_frsize)))
    }

    /// Closes all connections; SQLite folds its write-ahead log into the file, and the lock is free once
    /// every clone is gone.
    pub async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Database")
            .field("engine", &self.engine)
            .field("locked", &self.lock.is_some())
            .finish_non_exhaustive()
    }
}

/// A transaction that may write. Dropped without [`Write::commit`], it is rolled back.
///
/// It dereferences to a connection: `.execute(&mut *write)`. A handler is dropped when its client goes
/// away or its time is up, so work that must reach the commit runs in [`crate::tasks::Tasks::spawn`].
#[derive(Debug)]
#[must_use]
pub struct Write(Transaction<'static, Any>);

impl Write {
    /// Makes the changes durable.
    ///
    /// An I/O error of SQLite ends the process: after a failed `fsync` the kernel may have dropped the
    /// pages, and a later commit would succeed over the hole. A restart reads the disk afresh.
    ///
    /// # Errors
    /// When the changes were not made, or (PostgreSQL) when it is not known whether they were.
    pub async fn commit(self) -> Result<(), sqlx::Error> {
        let result = self.0.commit().await;
        result.inspect_err(sqlite::end_if_commit_failed)
    }

    /// Undoes the changes now.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn rollback(self) -> Result<(), sqlx::Error> {
        self.0.rollback().await
    }
}

impl Deref for Write {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        &self.0
    }
}

impl DerefMut for Write {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        &mut self.0
    }
}

fn install_drivers() {
    static ONCE: Once = Once::new();
    ONCE.call_once(sqlx::any::install_default_drivers);
}

/// One migrator for all: sqlx takes a version that a migrator does not know for a missing file.
fn merge(migrators: &[&Migrator]) -> Result<Migrator, DatabaseError> {
    let mut all: Vec<Migration> = migrators
        .iter()
        .flat_map(|one| one.iter().cloned())
        .collect();
    all.sort();
    for (one, next) in all.iter().zip(all.iter().skip(1)) {
        if one == next {
            return Err(DatabaseError::VersionTwice(one.version));
        }
    }
    let mut merged = Migrator::with_migrations(all);
    merged.set_ignore_missing(true);
    Ok(merged)
}

/// `url` without its user and password.
fn redacted(url: &str) -> String {
    match url.rsplit_once('@') {
        Some((_, host)) => format!("…@{host}"),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests;
