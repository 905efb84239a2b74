//! SQLite: one connection that writes, a few that read, one process that owns the file.

use std::fs::{OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};

use super::lock::FileLock;
use super::{ACQUIRE_TIMEOUT, Database, DatabaseError, Engine};

/// Readers per process. They never block the writer (write-ahead log).
const READERS: u32 = 4;

/// Durable at every commit; foreign keys hold; functions and views in the file's schema are not trusted.
const WRITER: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
    PRAGMA trusted_schema = OFF; PRAGMA busy_timeout = 5000;";
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

/// The primary result code of an SQLite error: the low byte of the extended one.
pub(super) fn primary_code(error: &sqlx::Error) -> Option<u32> {
    let error = error.as_database_error()?;
    error.try_downcast_ref::<sqlx::sqlite::SqliteError>()?;
    error.code()?.parse::<u32>().ok().map(|code| code & 0xff)
}

/// Whether `error` is one of `SQLITE_IOERR` and its extended codes.
pub(super) fn is_io_error(error: &sqlx::Error) -> bool {
    primary_code(error) == Some(10)
}
