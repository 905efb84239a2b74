//! Runs in the database: one row each, written after every event.

use countersign_intent::id::RunId;
use countersign_service::database::Database;
use countersign_service::problem::Problem;
use sqlx::migrate::Migrator;

use crate::run::Run;

/// The planner's tables.
pub(crate) static MIGRATOR: Migrator = sqlx::migrate!();

/// The database did not do it, or holds something else than runs.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// The database failed.
    #[error("the runs' database failed")]
    Database(#[from] sqlx::Error),
    /// A stored run is not one.
    #[error("run `{run}` cannot be read from the database")]
    Document {
        /// Which run.
        run: String,
        /// Why.
        source: serde_json::Error,
    },
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Database(error) => error.into(),
            error @ StoreError::Document { .. } => Self::internal(&error),
        }
    }
}

/// Inserts the run, or replaces it.
pub(crate) async fn save(database: &Database, run: &Run) -> Result<(), StoreError> {
    let view = run.view();
    let unwritable = |source| StoreError::Document {
        run: view.run_id.to_string(),
        source,
    };
    let document = serde_json::to_string(run).map_err(unwritable)?;
    let mut write = database.write().await?;
    sqlx::query(
        "INSERT INTO run (run_id, state, active, created, updated, document)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (run_id) DO UPDATE SET
             state = excluded.state, active = excluded.active,
             updated = excluded.updated, document = excluded.document",
    )
    .bind(view.run_id.as_str())
    .bind(view.state.as_str())
    .bind(i64::from(!view.state.ended()))
    .bind(view.created_at.as_microsecond())
    .bind(view.updated_at.as_microsecond())
    .bind(document)
    .execute(&mut *write)
    .await?;
    Ok(write.commit().await?)
}

/// The run called `run`.
pub(crate) async fn find(database: &Database, run: &RunId) -> Result<Option<Run>, StoreError> {
    let row: Option<(String, String)> =
        sqlx::query_as("SELECT run_id, document FROM run WHERE run_id = $1")
            .bind(run.as_str())
            .fetch_optional(database.read())
            .await?;
    row.map(read).transpose()
}

/// The newest runs, newest first.
pub(crate) async fn list(database: &Database, limit: i64) -> Result<Vec<Run>, StoreError> {
    let rows: Vec<(String, String)> = sqlx::query_as(
        "SELECT run_id, document FROM run ORDER BY created DESC, run_id DESC LIMIT $1",
    )
    .bind(limit)
    .fetch_all(database.read())
    .await?;
    rows.into_iter().map(read).collect()
}

/// Runs that have not ended, oldest first.
pub(crate) async fn unfinished(database: &Database) -> Result<Vec<Run>, StoreError> {
    let rows: Vec<(String, String)> = sqlx::query_as(
        "SELECT run_id, document FROM run WHERE active = 1 ORDER BY created, run_id",
    )
    .fetch_all(database.read())
    .await?;
    rows.into_iter().map(read).collect()
}

fn read((run, document): (String, String)) -> Result<Run, StoreError> {
    serde_json::from_str(&document).map_err(|source| StoreError::Document { run, source })
}

#[cfg(test)]
mod tests {
    use countersign_service::database::sqlite_url;

    use super::*;
    use crate::run::event::Event;
    use crate::run::tests::{at, run};
    use crate::run::view::Failure;

    #[tokio::test]
    async fn runs_come_back_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let url = sqlite_url(&folder.path().join("planner.db"));
        let database = Database::open(&url, &[&MIGRATOR]).await.unwrap();
        let (first, mut second) = (run(1), run(2));
        save(&database, &first).await.unwrap();
        save(&database, &second).await.unwrap();
        assert_eq!(
            unfinished(&database).await.unwrap(),
            [first.clone(), second.clone()]
        );
        second
            .on(at(3), Event::Broke(Failure::new("x", "y")))
            .unwrap();
        save(&database, &second).await.unwrap();
        assert_eq!(
            list(&database, 10).await.unwrap(),
            [second.clone(), first.clone()]
        );
        assert_eq!(
            unfinished(&database).await.unwrap(),
            std::slice::from_ref(&first)
        );
        assert_eq!(
            find(&database, &second.view().run_id).await.unwrap(),
            Some(second)
        );
        let unknown = run(9).view().run_id.clone();
        assert_eq!(find(&database, &unknown).await.unwrap(), None);
    }
}
