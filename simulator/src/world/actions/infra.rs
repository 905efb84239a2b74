//! Restart, scale, version and shutdown of a service.

use jiff::Timestamp;

use super::ENFORCER;
use crate::world::ids::ServiceId;
use crate::world::service::{ProcessState, VersionError};
use crate::world::{ActionError, World};

/// The most replicas a service can have.
pub(crate) const REPLICA_LIMIT: usize = 100;

// === impl World ===

impl World {
    /// Replaces all processes of a service, also of one that has none.
    ///
    /// # Errors
    ///
    /// `Unknown` for no such service.
    pub(crate) fn restart(&mut self, now: Timestamp, id: &str) -> Result<ServiceId, ActionError> {
        self.advance(now);
        let now = self.now;
        let service = self.service_mut(id)?;
        service.restart(now);
        let id = service.id.clone();
        self.record(ENFORCER, "service.restart", id.as_str(), None);
        self.settle();
        Ok(id)
    }

    /// Sets the wanted number of replicas.
    ///
    /// # Errors
    ///
    /// `Unknown` for no such service, `Invalid` beyond the limit.
    pub(crate) fn scale(
        &mut self,
        now: Timestamp,
        id: &str,
        replicas: u64,
    ) -> Result<ServiceId, ActionError> {
        self.advance(now);
        let now = self.now;
        let service = self.service_mut(id)?;
        let wanted = usize::try_from(replicas)
            .ok()
            .filter(|count| *count <= REPLICA_LIMIT);
        let Some(wanted) = wanted else {
            return Err(ActionError::Invalid(format!(
                "`replicas` is at most {REPLICA_LIMIT}, not {replicas}"
            )));
        };
        service.scale(now, wanted);
        let id = service.id.clone();
        self.record(
            ENFORCER,
            "service.scale",
            id.as_str(),
            Some(format!("{wanted} replicas")),
        );
        self.settle();
        Ok(id)
    }

    /// Puts another version of the history into service; the one before the current one when
    /// none is named.
    ///
    /// # Errors
    ///
    /// `Unknown` for no such service or version; `Conflict` when no process is running, the
    /// version is in service already, or there is none before it.
    pub(crate) fn set_version(
        &mut self,
        now: Timestamp,
        id: &str,
        version: Option<&str>,
    ) -> Result<ServiceId, ActionError> {
        self.advance(now);
        let now = self.now;
        let service = self.service_mut(id)?;
        service
            .set_version(now, version)
            .map_err(|error| match error {
                VersionError::NotRunning => {
                    ActionError::Conflict(format!("`{id}` has no running process"))
                }
                VersionError::Unknown => {
                    ActionError::unknown("version", version.unwrap_or_default())
                }
                VersionError::AlreadyCurrent => ActionError::Conflict(format!(
                    "`{id}` runs version `{}` already",
                    version.unwrap_or_default()
                )),
                VersionError::NoneBefore => {
                    ActionError::Conflict(format!("`{id}` has no version before its current one"))
                }
            })?;
        let id = service.id.clone();
        let detail = Some(service.version.clone());
        self.notice_defect(&id);
        self.record(ENFORCER, "service.version", id.as_str(), detail);
        self.settle();
        Ok(id)
    }

    /// Stops a service until somebody starts it again.
    ///
    /// # Errors
    ///
    /// `Unknown` for no such service, `Conflict` when it is stopped already.
    pub(crate) fn shutdown(&mut self, now: Timestamp, id: &str) -> Result<ServiceId, ActionError> {
        self.advance(now);
        let service = self.service_mut(id)?;
        if service.process == ProcessState::Stopped {
            return Err(ActionError::Conflict(format!("`{id}` is stopped already")));
        }
        service.stop();
        let id = service.id.clone();
        self.record(ENFORCER, "service.stop", id.as_str(), None);
        self.settle();
        Ok(id)
    }
}
