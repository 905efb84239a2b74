//! Backup, restore and wipe of a database.

use jiff::Timestamp;

use super::ENFORCER;
use crate::world::data::{Backup, Database};
use crate::world::ids::BackupId;
use crate::world::metrics::Status;
use crate::world::{ActionError, World};

// === impl World ===

impl World {
    /// Copies what a database holds now.
    ///
    /// # Errors
    ///
    /// `Unknown` for no such database, `Conflict` when its server is down.
    pub(crate) fn back_up(
        &mut self,
        now: Timestamp,
        id: &str,
    ) -> Result<(Database, Backup), ActionError> {
        self.advance(now);
        let now = self.now;
        let backup_id = BackupId::new(self.backup_ids.mint());
        let database = self.reachable_database(id)?;
        let backup = Backup {
            id: backup_id,
            taken_at: now,
            records: database.records,
        };
        database.backups.push(backup.clone());
        let database = database.clone();
        self.record(ENFORCER, "database.backup", id, Some(backup.id.to_string()));
        self.settle();
        Ok((database, backup))
    }

    /// Replaces what a database holds by a backup.
    ///
    /// # Errors
    ///
    /// `Unknown` for no such database or backup, `Conflict` when its server is down.
    pub(crate) fn restore(
        &mut self,
        now: Timestamp,
        id: &str,
        backup_id: &str,
    ) -> Result<Database, ActionError> {
        self.advance(now);
        let database = self.reachable_database(id)?;
        let records = database
            .backups
            .iter()
            .find(|backup| backup.id.as_str() == backup_id)
            .map(|backup| backup.records)
            .ok_or_else(|| ActionError::unknown("backup", backup_id))?;
        database.records = records;
        database.restores += 1;
        let database = database.clone();
        self.record(ENFORCER, "database.restore", id, Some(backup_id.to_owned()));
        self.settle();
        Ok(database)
    }

    /// Deletes everything in a database; its backups stay.
    ///
    /// # Errors
    ///
    /// `Unknown` for no such database, `Conflict` when its server is down.
    pub(crate) fn wipe(&mut self, now: Timestamp, id: &str) -> Result<Database, ActionError> {
        self.advance(now);
        let database = self.reachable_database(id)?;
        let lost = std::mem::take(&mut database.records);
        let database = database.clone();
        self.record(
            ENFORCER,
            "database.wipe",
            id,
            Some(format!("{lost} records")),
        );
        self.settle();
        Ok(database)
    }

    fn reachable_database(&mut self, id: &str) -> Result<&mut Database, ActionError> {
        let database = self
            .databases
            .get_mut(id)
            .ok_or_else(|| ActionError::unknown("database", id))?;
        let server = self.measured.get(&database.service);
        if server.is_none_or(|metrics| metrics.status == Status::Down) {
            return Err(ActionError::Conflict(format!(
                "`{id}` cannot be reached: `{}` is down",
                database.service
            )));
        }
        Ok(database)
    }
}
