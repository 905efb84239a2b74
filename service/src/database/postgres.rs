//! PostgreSQL: one pool, and settings that keep what they commit.

use sqlx::AnyPool;
use sqlx::any::AnyPoolOptions;

use super::{ACQUIRE_TIMEOUT, Database, DatabaseError, Engine, redacted};

/// Connections per process.
const CONNECTIONS: u32 = 10;

/// Settings without which a crash loses commits that were acknowledged.
const DURABLE: [&str; 3] = ["fsync", "full_page_writes", "synchronous_commit"];

/// Connects to the server at `url`.
pub(super) async fn open(url: &str) -> Result<Database, DatabaseError> {
    let options = url
        .parse()
        .map_err(|_cause: sqlx::Error| DatabaseError::Address(redacted(url)))?;
    let pool = AnyPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_with(options)
        .await
        .map_err(DatabaseError::Connect)?;
    refuse_unsafe(&pool).await?;
    Ok(Database {
        engine: Engine::Postgres,
        write: pool.clone(),
        read: pool,
        file: None,
        lock: None,
    })
}

async fn refuse_unsafe(pool: &AnyPool) -> Result<(), DatabaseError> {
    for setting in DURABLE {
        let value: String = sqlx::query_scalar("SELECT current_setting($1)")
            .bind(setting)
            .fetch_one(pool)
            .await
            .map_err(DatabaseError::Connect)?;
        if value == "off" {
            return Err(DatabaseError::Unsafe { setting, value });
        }
    }
    Ok(())
}
