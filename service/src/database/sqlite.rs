//! SQLite: one connection that writes, a few that read, one process that owns the file.

use std::fs::{OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sqlx::Connection as _;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};

use super::lock::FileLock;
use super::{ACQUIRE_TIMEOUT, Database, DatabaseError, Engine};

/// Readers per process. They never block the writer (write-ahead log).
const READERS: u32 = 4;

/// Durable at every commit; foreign keys hold; functions and views in the file's schema are not trusted.
/// The log is folded into the file each 4,000 pages (16 MiB): a page that many commits change is then
/// written there once. It shrinks to 32 MiB where a long read let it grow.
const WRITER: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
    PRAGMA trusted_schema = OFF; PRAGMA busy_timeout = 5000; PRAGMA wal_autocheckpoint = 4000; \
    PRAGMA journal_size_limit = 33554432;";
const READER: &str = "PRAGMA query_only = ON; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; \
    PRAGMA busy_timeout = 5000;";

/// Opens the file of the address's part after `sqlite:`, made with mode 0600 where missing.
pub(super) async fn open(rest: &str) -> Result<Database, DatabaseError> {
    let address = || DatabaseError::Address(format!("sqlite:{rest}"));
    let path = path(rest).ok_or_else(address)?;
    let lock = FileLock::take(&path)?;
    create(&path)?;
    let options: AnyConnectOptions = super::sqlite_url(&path)
        .parse()
        .map_err(|_cause: sqlx::Error| address())?;
    let write = pool(1, WRITER)
        // After a failed commit SQLite may have undone everything by itself, of which the driver knows
        // nothing: its connection would refuse every later transaction.
        .after_release(|connection, _| {
            Box::pin(async move {
                connection.ping().await?;
                Ok(!connection.is_in_transaction())
            })
        })
        .connect_with(options.clone())
        .await
        .map_err(DatabaseError::Connect)?;
    let read = pool(READERS, READER)
        .connect_with(options)
        .await
        .map_err(DatabaseError::Connect)?;
    Ok(Database {
        engine: Engine::Sqlite,
        write,
        read,
        file: Some(Arc::from(path)),
        lock: Some(Arc::new(lock)),
    })
}

fn pool(connections: u32, pragmas: &'static str) -> sqlx::pool::PoolOptions<sqlx::Any> {
    AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .after_connect(move |connection, _| {
            Box::pin(async move {
                sqlx::raw_sql(pragmas).execute(connection).await?;
                Ok(())
            })
        })
}

/// The file of `//path` or `path`. Neither parameters nor in-memory databases: they have no file to own.
fn path(rest: &str) -> Option<PathBuf> {
    let text = rest.strip_prefix("//").unwrap_or(rest);
    if text.is_empty() || text.contains('?') || text.contains(":memory:") {
        return None;
    }
    Some(PathBuf::from(unescape(text)?))
}

/// Makes the file so that SQLite finds it private; the log beside it gets the same mode.
fn create(path: &Path) -> Result<(), DatabaseError> {
    let failed = |source| DatabaseError::File {
        path: path.to_owned(),
        source,
    };
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    file.set_permissions(Permissions::from_mode(0o600))
        .map_err(failed)
}

/// Percent-encodes what would end or change the path in an address.
pub(super) fn escape(path: &str) -> String {
    path.replace('%', "%25")
        .replace('?', "%3F")
        .replace('#', "%23")
        .replace(' ', "%20")
}

fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let high = char::from(rest.next()?).to_digit(16)?;
            let low = char::from(rest.next()?).to_digit(16)?;
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// The extended result code of an SQLite error.
fn extended_code(error: &sqlx::Error) -> Option<u32> {
    let error = error.as_database_error()?;
    error.try_downcast_ref::<sqlx::sqlite::SqliteError>()?;
    error.code()?.parse().ok()
}

/// The primary result code of an SQLite error: the low byte of the extended one.
pub(super) fn primary_code(error: &sqlx::Error) -> Option<u32> {
    extended_code(error).map(|code| code & 0xff)
}

/// Ends the process where a commit failed with `SQLITE_IOERR` or one of its extended codes. What a
/// checkpoint inside the commit meets is not among them: SQLite keeps that to itself, leaves the log
/// as it is, and writes every page again at the next checkpoint.
pub(super) fn end_if_commit_failed(error: &sqlx::Error) {
    if primary_code(error) == Some(10) {
        end(error);
    }
}

/// Ends the process where a statement failed to write or to sync: a full page cache is written to the
/// log before the commit.
pub(super) fn end_if_disk_failed(error: &sqlx::Error) {
    // SQLITE_IOERR_WRITE, _FSYNC, _DIR_FSYNC, _TRUNCATE.
    if matches!(extended_code(error), Some(778 | 1034 | 1290 | 1546)) {
        end(error);
    }
}

fn end(error: &sqlx::Error) {
    tracing::error!(%error, "the disk failed during a transaction; ending the process");
    std::process::abort();
}
