//! Faults: the ways in which the mini cloud is broken on purpose.
//!
//! A fault changes the state of services and nothing else. It counts as active while that
//! change is there, so whatever repairs the state ends the fault; nobody reports success.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::ids::{FaultId, ServiceId};
use super::service::{ProcessState, Service, Soundness, Traffic};
use super::{ActionError, World, metrics};

/// Exit code of a crashed process: killed by signal 9.
const KILLED: i32 = 137;
/// The most probes one storm can hang.
const STORM_LIMIT: u32 = 500;
/// A surge is not over before this, however many replicas wait for it.
const SURGE_AT_LEAST: SignedDuration = SignedDuration::from_secs(3);
/// When an absorbed surge is no longer measurable.
const EASED_AFTER: SignedDuration = SignedDuration::from_secs(60);

/// What kind of thing breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum FaultKind {
    /// The process ends; a restart brings it back.
    Crash,
    /// The process answers many times slower; a restart heals it.
    Degrade,
    /// A new version fails its health checks; only an earlier version heals it.
    BadDeploy,
    /// Memory fills up; a restart empties it.
    MemoryLeak,
    /// Two and a half times the ordinary load; enough replicas absorb it.
    TrafficSpike,
    /// Many monitoring probes hang at once, over all services; restarts free them.
    Storm,
}

/// One injected fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) id: FaultId,
    pub(crate) kind: FaultKind,
    /// The service, or for a storm the number of probes.
    pub(crate) target: String,
    pub(crate) at: Timestamp,
}

// === impl FaultKind ===

impl FaultKind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::Degrade => "degrade",
            Self::BadDeploy => "bad-deploy",
            Self::MemoryLeak => "memory-leak",
            Self::TrafficSpike => "traffic-spike",
            Self::Storm => "storm",
        }
    }
}

// === impl World ===

impl World {
    /// Breaks something.
    ///
    /// # Errors
    ///
    /// `Unknown` for a target that does not exist, `Conflict` when this fault is active already
    /// or the target is not running, `Invalid` for a storm without a usable number.
    pub(crate) fn inject(
        &mut self,
        now: Timestamp,
        kind: FaultKind,
        target: &str,
    ) -> Result<Fault, ActionError> {
        self.advance(now);
        let now = self.now;
        if let Some(active) = self.faults.iter().find(|fault| {
            fault.kind == kind && (kind == FaultKind::Storm || fault.target == target)
        }) {
            return Err(ActionError::Conflict(format!(
                "{} is active on `{}` already",
                kind.as_str(),
                active.target
            )));
        }
        if kind == FaultKind::Storm {
            self.hang_probes(target)?;
        } else {
            self.strike(now, kind, target)?;
        }
        let fault = Fault {
            id: FaultId::new(self.fault_ids.mint()),
            kind,
            target: target.to_owned(),
            at: now,
        };
        self.faults.push(fault.clone());
        self.settle();
        Ok(fault)
    }

    /// Ends one fault by undoing what it did.
    ///
    /// # Errors
    ///
    /// `Unknown` when no such fault is active.
    pub(crate) fn clear_fault(
        &mut self,
        now: Timestamp,
        id: &FaultId,
    ) -> Result<Fault, ActionError> {
        self.advance(now);
        let now = self.now;
        let fault = self
            .faults
            .iter()
            .find(|fault| fault.id == *id)
            .cloned()
            .ok_or_else(|| ActionError::unknown("fault", id))?;
        for service in &mut self.services {
            if fault.kind == FaultKind::Storm {
                service.ailments.hung_probes.clear();
            } else if service.id.as_str() == fault.target {
                heal(now, service, fault.kind);
            }
        }
        self.settle();
        self.faults.retain(|other| other.id != fault.id);
        Ok(fault)
    }

    /// Ends surges that are carried, forgets those that are over and faults that are healed.
    pub(super) fn retire_faults(&mut self) {
        let now = self.now;
        for service in &mut self.services {
            match service.ailments.traffic {
                Traffic::Surging(since)
                    if now.duration_since(since) >= SURGE_AT_LEAST
                        && metrics::absorbs_load(now, service) =>
                {
                    service.ailments.traffic = Traffic::Easing(now);
                }
                Traffic::Easing(since) if now.duration_since(since) >= EASED_AFTER => {
                    service.ailments.traffic = Traffic::Ordinary;
                }
                Traffic::Ordinary | Traffic::Surging(_) | Traffic::Easing(_) => {}
            }
        }
        let services = &self.services;
        self.faults.retain(|fault| {
            services.iter().any(|service| {
                (fault.kind == FaultKind::Storm || service.id.as_str() == fault.target)
                    && suffers(service, fault.kind)
            })
        });
    }

    /// Registers the fault of a defective version that came back by choice of a caller.
    pub(super) fn notice_defect(&mut self, id: &ServiceId) {
        let defective = self
            .services
            .iter()
            .any(|service| service.id == *id && suffers(service, FaultKind::BadDeploy));
        let known = self
            .faults
            .iter()
            .any(|fault| fault.kind == FaultKind::BadDeploy && fault.target == id.as_str());
        if defective && !known {
            self.faults.push(Fault {
                id: FaultId::new(self.fault_ids.mint()),
                kind: FaultKind::BadDeploy,
                target: id.to_string(),
                at: self.now,
            });
        }
    }

    fn strike(&mut self, now: Timestamp, kind: FaultKind, target: &str) -> Result<(), ActionError> {
        let service = self.service_mut(target)?;
        if service.process != ProcessState::Running {
            return Err(ActionError::Conflict(format!(
                "`{target}` has no running process"
            )));
        }
        match kind {
            FaultKind::Crash => service.exit(KILLED),
            FaultKind::Degrade => service.ailments.slow = true,
            FaultKind::MemoryLeak => service.ailments.leaking_since = Some(now),
            FaultKind::TrafficSpike => service.ailments.traffic = Traffic::Surging(now),
            FaultKind::Storm => {}
            FaultKind::BadDeploy => {
                let version = service.deploy(now, Soundness::Defective);
                self.audit
                    .append(now, "ci", "service.deploy", target, Some(version));
            }
        }
        Ok(())
    }

    fn hang_probes(&mut self, target: &str) -> Result<(), ActionError> {
        let number = target
            .parse()
            .ok()
            .filter(|number| (1..=STORM_LIMIT).contains(number));
        let Some(number) = number else {
            return Err(ActionError::Invalid(format!(
                "the target of a storm is the number of probes, 1 to {STORM_LIMIT}, not `{target}`"
            )));
        };
        for (probe, turn) in (1..=number).zip((0..self.services.len()).cycle()) {
            if let Some(service) = self.services.get_mut(turn) {
                service.ailments.hung_probes.insert(probe);
            }
        }
        Ok(())
    }
}

/// Whether what the fault did to the service is still there.
fn suffers(service: &Service, kind: FaultKind) -> bool {
    match kind {
        FaultKind::Crash => matches!(service.process, ProcessState::Exited(_)),
        FaultKind::Degrade => service.ailments.slow,
        FaultKind::BadDeploy => service.soundness() == Soundness::Defective,
        FaultKind::MemoryLeak => service.ailments.leaking_since.is_some(),
        FaultKind::TrafficSpike => matches!(service.ailments.traffic, Traffic::Surging(_)),
        FaultKind::Storm => !service.ailments.hung_probes.is_empty(),
    }
}

fn heal(now: Timestamp, service: &mut Service, kind: FaultKind) {
    match kind {
        FaultKind::Crash => service.restart(now),
        FaultKind::Degrade => service.ailments.slow = false,
        FaultKind::BadDeploy => service.withdraw_defects(now),
        FaultKind::MemoryLeak => service.ailments.leaking_since = None,
        FaultKind::TrafficSpike => service.ailments.traffic = Traffic::Ordinary,
        FaultKind::Storm => service.ailments.hung_probes.clear(),
    }
}
