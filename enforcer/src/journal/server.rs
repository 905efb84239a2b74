//! What a journal remembers outside its database: how long it was, and on which server it lay. A
//! database that falls behind that lost what was spent in between (SECURITY-DESIGN §6).

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use countersign_ledger::Ledger;
use countersign_service::database::Engine;
use countersign_service::files::{self, FileError};
use sqlx::AnyConnection;

use super::Journal;

/// What is remembered: a line `SIZE`, or `SIZE SYSTEM TIMELINE POSITION` with PostgreSQL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct HighWater {
    /// The ledger's size.
    pub(super) size: u64,
    server: Option<Server>,
}

/// One state of one PostgreSQL server.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Server {
    /// Chosen when its cluster was made; a copy has it too.
    system: String,
    /// Changes with each recovery to a point in time and each failover.
    timeline: String,
    /// How far its log was written durably, in bytes.
    position: u64,
}

impl HighWater {
    /// What `connection` leads to now.
    pub(super) async fn read(
        connection: &mut AnyConnection,
        ledger: &Ledger,
        engine: Engine,
    ) -> Result<Self, sqlx::Error> {
        let server = match engine {
            Engine::Sqlite => None,
            Engine::Postgres => Some(Server::read(&mut *connection).await?),
        };
        let size = ledger.size(connection).await?;
        Ok(Self { size, server })
    }

    /// What tells that records were lost since `self`, if anything does.
    pub(super) fn contradiction(&self, now: &Self) -> Option<&'static str> {
        if now.size < self.size {
            return Some("records were lost");
        }
        let (Some(then), Some(now)) = (&self.server, &now.server) else {
            return None;
        };
        if now.system != then.system {
            Some("the database server is another one")
        } else if now.timeline != then.timeline {
            Some("the database server was recovered or replaced")
        } else if now.position < then.position {
            Some("the database server was restored")
        } else {
            None
        }
    }

    /// What the file in `data` says; nothing where there is none.
    pub(super) fn load(data: &Path) -> Result<Option<Self>, FileError> {
        let text = files::read_text_if_present(&path(data))?;
        Ok(text.and_then(|text| text.parse().ok()))
    }

    fn to_text(&self) -> String {
        match &self.server {
            None => format!("{}\n", self.size),
            Some(server) => {
                let Server {
                    system,
                    timeline,
                    position,
                } = server;
                format!("{} {system} {timeline} {position}\n", self.size)
            }
        }
    }
}

/// The text is not of the file's form.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unreadable;

impl FromStr for HighWater {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let mut words = text.split_whitespace();
        let size = words.next().and_then(|size| size.parse().ok());
        let size = size.ok_or(Unreadable)?;
        let server = match (words.next(), words.next(), words.next()) {
            (Some(system), Some(timeline), Some(position)) => Some(Server {
                system: system.to_owned(),
                timeline: timeline.to_owned(),
                position: position.parse().map_err(|_cause| Unreadable)?,
            }),
            _ => None,
        };
        Ok(Self { size, server })
    }
}

impl Server {
    async fn read(connection: &mut AnyConnection) -> Result<Self, sqlx::Error> {
        // What is flushed survives a crash of the server, so a position behind it is another past.
        let (system, timeline, position): (String, String, i64) = sqlx::query_as(
            "SELECT CAST(system_identifier AS TEXT), \
             substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8), \
             CAST(pg_wal_lsn_diff(pg_current_wal_flush_lsn(), '0/0') AS BIGINT) \
             FROM pg_control_system()",
        )
        .fetch_one(connection)
        .await?;
        Ok(Self {
            system,
            timeline,
            position: u64::try_from(position).unwrap_or(0),
        })
    }
}

fn path(data: &Path) -> PathBuf {
    data.join("enforcer.highwater")
}

/// Keeps what is remembered in the file, each second in which it changed. A server that looks like
/// another one is left to the writer, which raises the floor before it trusts it.
pub(crate) async fn remember(journal: Journal, data: PathBuf) {
    let shared = &journal.shared;
    let mut kept = shared.known().clone();
    loop {
        shared.clock.sleep(Duration::from_secs(1)).await;
        let engine = shared.database.engine();
        let found = match shared.database.read().acquire().await {
            Ok(mut connection) => HighWater::read(&mut connection, &shared.ledger, engine).await,
            Err(error) => Err(error),
        };
        let Ok(found) = found else { continue };
        {
            let mut known = shared.known();
            if known.contradiction(&found).is_some() {
                shared.suspect.store(true, Ordering::Release);
                continue;
            }
            known.clone_from(&found);
        }
        // A server that only waits writes its log on; that alone is not worth a write of ours.
        if found.size == kept.size && found.server.is_some() == kept.server.is_some() {
            continue;
        }
        match files::write_private(&path(&data), found.to_text().as_bytes()) {
            Ok(()) => kept = found,
            Err(error) => tracing::warn!(%error, "cannot keep the journal's high-water file"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> HighWater {
        text.parse().unwrap()
    }

    #[test]
    fn file_reads_back_with_and_without_a_server() {
        for text in ["7\n", "7 7301234567890 00000001 1234567\n"] {
            assert_eq!(read(text).to_text(), text);
        }
        for text in ["", "x", "7 7301 00000001 x"] {
            assert_eq!(text.parse::<HighWater>(), Err(Unreadable), "{text}");
        }
    }

    #[test]
    fn what_falls_behind_or_is_another_server_contradicts() {
        let then = read("7 73 00000002 100");
        for (now, contradicts) in [
            ("7 73 00000002 100", false),
            ("9 73 00000002 130", false),
            ("6 73 00000002 130", true),
            ("9 74 00000002 130", true),
            ("9 73 00000001 130", true),
            ("9 73 00000003 130", true),
            ("9 73 00000002 99", true),
        ] {
            assert_eq!(
                then.contradiction(&read(now)).is_some(),
                contradicts,
                "{now}"
            );
        }
        assert_eq!(read("7").contradiction(&read("9 73 00000002 1")), None);
    }
}
