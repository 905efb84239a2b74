//! The connection of a task that is alone in writing: kept over its transactions, and replaced after
//! any that did not end well.

use std::ops::{Deref, DerefMut};

use sqlx::AnyConnection;

use super::{Database, Engine, sqlite};

/// Transactions between two looks at the size of SQLite's write-ahead log.
const LOOK: u32 = 128;
/// The size from which the log is folded into the file, in bytes.
const LARGE_LOG: u64 = 48 << 20;

/// A connection of its own for one writing task. It has no time limit once it is made.
#[derive(Debug)]
pub struct Writer {
    database: Database,
    held: Option<Held>,
    /// How many connections were made.
    made: u64,
    /// Transactions until the log's size is looked at.
    look: u32,
}

#[derive(Debug)]
struct Held {
    connection: AnyConnection,
    /// Its number, from 1.
    number: u64,
    /// Set from the beginning of a transaction to its good end.
    open: bool,
}

/// A transaction of a [`Writer`]. Dropped without [`Unit::commit`], it is undone with its connection;
/// [`Unit::rollback`] is cheaper.
#[derive(Debug)]
#[must_use]
pub struct Unit<'w> {
    engine: Engine,
    held: &'w mut Held,
    /// What begins it, as long as that is not done.
    opening: Option<&'static str>,
}

/// A transaction was not committed, as far as is known.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Nothing of it holds.
    #[error("the database refused the commit")]
    NotCommitted(#[source] sqlx::Error),
    /// Whether it holds is not known.
    #[error("whether the database committed is not known")]
    Unknown(#[source] sqlx::Error),
}

impl Database {
    /// A connection for one task that writes all the time. With SQLite, others that write wait until its
    /// transaction ends.
    pub fn writer(&self) -> Writer {
        Writer {
            database: self.clone(),
            held: None,
            made: 0,
            look: LOOK,
        }
    }
}

impl Writer {
    /// The number of its connection, from 1; 0 while there is none.
    pub fn connection_number(&self) -> u64 {
        self.held
            .as_ref()
            .filter(|held| !held.open)
            .map_or(0, |held| held.number)
    }

    /// Begins a transaction, on the connection of the last one if that ended well and still answers. May
    /// be dropped at any time: the connection is then not used again.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn begin(&mut self) -> Result<Unit<'_>, sqlx::Error> {
        let mut unit = self.prepare().await?;
        if let Some(sql) = unit.opening() {
            let begun = sqlx::query(sql).execute(&mut unit.held.connection).await;
            begun.inspect_err(sqlite::end_if_disk_failed)?;
        }
        Ok(unit)
    }

    /// As [`Writer::begin`]; with SQLite the caller runs what [`Unit::opening`] gives, together with its
    /// own first statement: that spares a way to the database's thread and back.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn prepare(&mut self) -> Result<Unit<'_>, sqlx::Error> {
        let again = self.connection_number() != 0;
        match self.start().await {
            Ok(()) => {}
            // A server that was started anew: nothing is lost by another try.
            Err(_) if again => self.start().await?,
            Err(error) => return Err(error),
        }
        let engine = self.database.engine;
        let held = self.held.as_mut().ok_or(sqlx::Error::WorkerCrashed)?;
        let opening = match engine {
            Engine::Sqlite => Some("BEGIN IMMEDIATE"),
            Engine::Postgres => None,
        };
        Ok(Unit {
            engine,
            held,
            opening,
        })
    }

    async fn start(&mut self) -> Result<(), sqlx::Error> {
        self.held = self.held.take().filter(|held| !held.open);
        let held = if let Some(held) = self.held.take() {
            self.held.insert(held)
        } else {
            let connection = self.database.write.acquire().await?.detach();
            self.made = self.made.saturating_add(1);
            self.held.insert(Held {
                connection,
                number: self.made,
                open: false,
            })
        };
        held.open = true;
        self.look = self.look.saturating_sub(1);
        if self.look == 0 {
            self.look = LOOK;
            fold_log(&self.database, &mut held.connection).await?;
        }
        match self.database.engine {
            Engine::Sqlite => {}
            // Says at once whether the server is still there.
            Engine::Postgres => {
                sqlx::query("BEGIN").execute(&mut held.connection).await?;
            }
        }
        Ok(())
    }
}

impl Unit<'_> {
    /// The number of its connection, from 1: another number, another connection.
    pub fn connection_number(&self) -> u64 {
        self.held.number
    }

    /// What is to be run before its first statement, once.
    pub fn opening(&mut self) -> Option<&'static str> {
        self.opening.take()
    }

    /// Makes the changes durable.
    ///
    /// An I/O error of SQLite ends the process: after a failed `fsync` the kernel may have dropped the
    /// pages, and a later commit would succeed over the hole. A restart reads the disk afresh.
    ///
    /// # Errors
    /// Each [`CommitError`]; [`CommitError::Unknown`] with PostgreSQL only.
    pub async fn commit(self) -> Result<(), CommitError> {
        if self.opening.is_some() {
            self.held.open = false;
            return Ok(());
        }
        match sqlx::query("COMMIT")
            .execute(&mut self.held.connection)
            .await
        {
            Ok(_) => {
                self.held.open = false;
                Ok(())
            }
            Err(error) => {
                sqlite::end_if_commit_failed(&error);
                Err(match self.engine {
                    Engine::Sqlite => CommitError::NotCommitted(error),
                    Engine::Postgres => CommitError::Unknown(error),
                })
            }
        }
    }

    /// Undoes the changes and keeps the connection, if it still answers.
    pub async fn rollback(self) {
        if self.opening.is_some() {
            self.held.open = false;
            return;
        }
        let done = sqlx::query("ROLLBACK")
            .execute(&mut self.held.connection)
            .await;
        self.held.open = done.is_err();
    }
}

/// Folds SQLite's write-ahead log into the file where it grew large: SQLite does so by itself, but begins
/// the log anew only at a moment at which nobody reads.
async fn fold_log(database: &Database, connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    let Some(file) = &database.file else {
        return Ok(());
    };
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    let size = std::fs::metadata(&log).map_or(0, |found| found.len());
    if size < LARGE_LOG {
        return Ok(());
    }
    // Waits for readers, and makes new ones wait, for the busy timeout at most.
    let folded = sqlx::query("PRAGMA wal_checkpoint(RESTART)")
        .execute(connection)
        .await;
    tracing::debug!(
        log.bytes = size,
        folded = folded.is_ok(),
        "the write-ahead log is large"
    );
    Ok(())
}

impl Deref for Unit<'_> {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        &self.held.connection
    }
}

impl DerefMut for Unit<'_> {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        &mut self.held.connection
    }
}
