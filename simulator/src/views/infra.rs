//! Services and alerts.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::world::World;
use crate::world::alerts::{Alert, Severity, Symptom};
use crate::world::metrics::{Metrics, Status};
use crate::world::service::{ProcessState, Service, Version};

/// One service as monitoring and the platform show it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct ServiceView {
    /// The name of the service.
    id: String,
    status: Status,
    /// How many replicas are wanted.
    replicas: usize,
    /// How many of them pass their health check.
    ready_replicas: usize,
    /// The version in service.
    version: String,
    /// Every version deployed so far, oldest first.
    versions: Vec<VersionView>,
    process: ProcessView,
    /// 0 to 100.
    cpu_percent: f64,
    /// 0 to 100.
    memory_percent: f64,
    latency_ms: f64,
    /// Share of failed requests, 0 to 1.
    error_rate: f64,
    requests_per_second: f64,
    /// The services that this one calls.
    depends_on: Vec<String>,
    env: &'static str,
    tier: &'static str,
}

/// One deployed version.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct VersionView {
    version: String,
    deployed_at: Timestamp,
}

/// What the operating system says about a service's program.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct ProcessView {
    state: ProcessWord,
    /// Absent while it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
    /// How often it was restarted.
    restarts: u32,
    started_at: Timestamp,
}

/// Whether a service's program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ProcessWord {
    /// It runs.
    Running,
    /// It ended, by itself or on request.
    Exited,
}

/// One alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct AlertView {
    id: String,
    /// The service or database that shows the symptom.
    resource_id: String,
    severity: Severity,
    status: AlertStatus,
    symptom: Symptom,
    msg: String,
    opened_at: Timestamp,
    /// Absent while the alert is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    resolved_at: Option<Timestamp>,
    /// What the one who resolved it wrote.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// Whether an alert still stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AlertStatus {
    /// Its cause holds, or nobody has resolved it yet.
    Open,
    /// Its cause is gone, or somebody resolved it.
    Resolved,
}

// === impl ServiceView ===

impl ServiceView {
    pub(crate) fn of(service: &Service, metrics: &Metrics) -> Self {
        Self {
            id: service.id.to_string(),
            status: metrics.status,
            replicas: service.replicas(),
            ready_replicas: metrics.ready_replicas,
            version: service.version.clone(),
            versions: service.versions.iter().map(VersionView::of).collect(),
            process: ProcessView::of(service),
            cpu_percent: metrics.cpu_percent,
            memory_percent: metrics.memory_percent,
            latency_ms: metrics.latency_ms,
            error_rate: metrics.error_rate,
            requests_per_second: metrics.requests_per_second,
            depends_on: service.depends_on.iter().map(ToString::to_string).collect(),
            env: service.env,
            tier: service.tier,
        }
    }

    /// All services by name.
    pub(crate) fn all(world: &World) -> Vec<Self> {
        world
            .services()
            .map(|(service, metrics)| Self::of(service, metrics))
            .collect()
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }
}

impl VersionView {
    fn of(version: &Version) -> Self {
        Self {
            version: version.name.clone(),
            deployed_at: version.deployed_at,
        }
    }
}

impl ProcessView {
    pub(crate) fn of(service: &Service) -> Self {
        let (state, exit_code) = match service.process {
            ProcessState::Running => (ProcessWord::Running, None),
            ProcessState::Exited(code) => (ProcessWord::Exited, Some(code)),
            ProcessState::Stopped => (ProcessWord::Exited, Some(0)),
        };
        Self {
            state,
            exit_code,
            restarts: service.restarts,
            started_at: service.started_at,
        }
    }

    pub(crate) fn exit_code(&self) -> Option<i32> {
        self.exit_code
    }
}

// === impl AlertView ===

impl AlertView {
    pub(crate) fn of(alert: &Alert) -> Self {
        Self {
            id: alert.id.to_string(),
            resource_id: alert.resource.clone(),
            severity: alert.severity,
            status: AlertStatus::of(alert),
            symptom: alert.symptom,
            msg: alert.msg.clone(),
            opened_at: alert.opened_at,
            resolved_at: alert.resolved_at,
            note: alert.note.clone(),
        }
    }
}

impl AlertStatus {
    pub(crate) fn of(alert: &Alert) -> Self {
        if alert.resolved_at.is_some() {
            Self::Resolved
        } else {
            Self::Open
        }
    }
}
