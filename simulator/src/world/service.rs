//! One service: its versions, process, replicas and what ails it.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::ids::ServiceId;

/// How long a set of replicas takes until the last of them is ready.
pub(crate) const START_UP: SignedDuration = SignedDuration::from_millis(800);

/// What a healthy service looks like; the basis of all its metrics.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    /// Requests per second in ordinary times.
    pub(crate) requests_per_second: f64,
    /// Requests per second that one ready replica can serve.
    pub(crate) capacity_per_replica: f64,
    pub(crate) latency_ms: f64,
    pub(crate) memory_percent: f64,
}

/// One release of a service. A defective one starts and then fails its health checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) name: String,
    pub(crate) deployed_at: Timestamp,
    pub(crate) soundness: Soundness,
}

/// Whether a release works; nothing outside this module tree can read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Soundness {
    Sound,
    Defective,
}

/// What the operating system says about the service's program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProcessState {
    Running,
    /// Ended by itself, with this exit code.
    Exited(i32),
    /// Ended because somebody asked for it.
    Stopped,
}

/// How many requests arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Traffic {
    Ordinary,
    /// Many times the ordinary load, until enough replicas absorb it.
    Surging(Timestamp),
    /// Absorbed; the load falls back to ordinary within a minute.
    Easing(Timestamp),
}

/// What makes a running service worse than its profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ailments {
    pub(crate) slow: bool,
    pub(crate) leaking_since: Option<Timestamp>,
    pub(crate) traffic: Traffic,
    /// Monitoring probes whose connections hang until the process is replaced.
    pub(crate) hung_probes: BTreeSet<u32>,
}

/// One service with everything that its metrics and health follow from.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub(crate) id: ServiceId,
    pub(crate) env: &'static str,
    pub(crate) tier: &'static str,
    pub(crate) depends_on: Vec<ServiceId>,
    pub(crate) profile: Profile,
    /// Oldest first; never empty.
    pub(crate) versions: Vec<Version>,
    pub(crate) version: String,
    pub(crate) process: ProcessState,
    pub(crate) restarts: u32,
    pub(crate) started_at: Timestamp,
    /// One entry per wanted replica: when it is ready to serve.
    pub(crate) ready_from: Vec<Timestamp>,
    pub(crate) ailments: Ailments,
}

/// Why a change of version is impossible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VersionError {
    NotRunning,
    Unknown,
    AlreadyCurrent,
    NoneBefore,
}

// === impl Service ===

impl Service {
    pub(crate) fn replicas(&self) -> usize {
        self.ready_from.len()
    }

    /// How many replicas pass their health check at `now`.
    pub(crate) fn ready_replicas(&self, now: Timestamp) -> usize {
        if self.process != ProcessState::Running || self.soundness() == Soundness::Defective {
            return 0;
        }
        self.ready_from
            .iter()
            .filter(|ready_from| **ready_from <= now)
            .count()
    }

    /// Whether some replicas are on their way to be ready.
    pub(crate) fn is_starting(&self, now: Timestamp) -> bool {
        let ready = self.ready_replicas(now);
        self.process == ProcessState::Running
            && self.soundness() == Soundness::Sound
            && ready < self.replicas()
    }

    pub(crate) fn soundness(&self) -> Soundness {
        self.versions
            .iter()
            .find(|version| version.name == self.version)
            .map_or(Soundness::Sound, |version| version.soundness)
    }

    /// Replaces every process: whatever lived in their memory is gone, the program is the same.
    pub(crate) fn restart(&mut self, now: Timestamp) {
        self.restarts += 1;
        self.launch(now);
    }

    pub(crate) fn scale(&mut self, now: Timestamp, replicas: usize) {
        self.ready_from.resize(replicas, now + START_UP);
    }

    pub(crate) fn stop(&mut self) {
        self.process = ProcessState::Stopped;
    }

    pub(crate) fn exit(&mut self, code: i32) {
        self.process = ProcessState::Exited(code);
    }

    /// Puts a new release into service.
    pub(crate) fn deploy(&mut self, now: Timestamp, soundness: Soundness) -> String {
        let name = self.next_version();
        self.versions.push(Version {
            name: name.clone(),
            deployed_at: now,
            soundness,
        });
        self.version.clone_from(&name);
        self.launch(now);
        name
    }

    /// Puts an earlier release of the history back into service, the one before the current
    /// one when `wanted` is `None`. The replacement of replicas needs a running process.
    ///
    /// # Errors
    ///
    /// [`VersionError`], in which case nothing has changed.
    pub(crate) fn set_version(
        &mut self,
        now: Timestamp,
        wanted: Option<&str>,
    ) -> Result<(), VersionError> {
        if self.process != ProcessState::Running {
            return Err(VersionError::NotRunning);
        }
        let name = match wanted {
            Some(name) if name == self.version => return Err(VersionError::AlreadyCurrent),
            Some(name) => self.versions.iter().find(|version| version.name == name),
            None => {
                let before = self
                    .versions
                    .iter()
                    .take_while(|v| v.name != self.version)
                    .last();
                Some(before.ok_or(VersionError::NoneBefore)?)
            }
        }
        .ok_or(VersionError::Unknown)?
        .name
        .clone();
        self.version = name;
        self.launch(now);
        Ok(())
    }

    /// Goes back to the newest sound release and forgets the defective ones.
    pub(crate) fn withdraw_defects(&mut self, now: Timestamp) {
        self.versions
            .retain(|version| version.soundness == Soundness::Sound);
        if let Some(newest) = self.versions.last() {
            self.version.clone_from(&newest.name);
        }
        self.launch(now);
    }

    /// Starts fresh processes, which become ready one after the other.
    fn launch(&mut self, now: Timestamp) {
        self.process = ProcessState::Running;
        self.started_at = now;
        self.ailments.slow = false;
        self.ailments.leaking_since = None;
        self.ailments.hung_probes.clear();
        let count = i32::try_from(self.ready_from.len())
            .unwrap_or(i32::MAX)
            .max(1);
        let mut ready_from = now;
        for slot in &mut self.ready_from {
            ready_from += START_UP / count;
            *slot = ready_from;
        }
    }

    /// The newest version of the history with its last number raised by one.
    fn next_version(&self) -> String {
        let newest = self
            .versions
            .last()
            .map_or("0.0.0", |version| version.name.as_str());
        match newest.rsplit_once('.') {
            Some((head, patch)) => {
                format!("{head}.{}", patch.parse::<u64>().unwrap_or_default() + 1)
            }
            None => format!("{newest}.1"),
        }
    }
}

impl Default for Ailments {
    fn default() -> Self {
        Self {
            slow: false,
            leaking_since: None,
            traffic: Traffic::Ordinary,
            hung_probes: BTreeSet::new(),
        }
    }
}
