//! Which symptoms the measured world shows right now.

use super::alerts::{Cause, Condition, Severity, Symptom};
use super::data::Database;
use super::metrics::{self, Metrics, Status};
use super::service::Service;

/// Symptoms of one service. A service that is down shows that alone: its other numbers say
/// nothing while nobody serves.
pub(crate) fn of_service(service: &Service, metrics: &Metrics) -> Vec<Condition> {
    let id = &service.id;
    let found = |symptom, severity, msg: String| Condition {
        cause: Cause {
            resource: id.to_string(),
            symptom,
            probe: None,
        },
        severity,
        msg,
    };
    let mut conditions = Vec::new();
    if metrics.status == Status::Down {
        conditions.push(found(
            Symptom::HealthCheckFailing,
            Severity::Critical,
            format!("health checks of {id} are failing"),
        ));
    } else {
        if metrics::is_slow(metrics, service) {
            conditions.push(found(
                Symptom::HighLatency,
                Severity::Warning,
                format!("{id} answers much slower than usual"),
            ));
        }
        if metrics::is_failing(metrics) {
            conditions.push(found(
                Symptom::HighErrorRate,
                Severity::Warning,
                format!("more than 5 % of the requests to {id} fail"),
            ));
        }
        if metrics::is_short_of_memory(metrics) {
            conditions.push(found(
                Symptom::MemoryHigh,
                Severity::Warning,
                format!("{id} uses more than 85 % of its memory"),
            ));
        }
        if metrics::is_saturated(metrics) {
            conditions.push(found(
                Symptom::CpuSaturated,
                Severity::Warning,
                format!("{id} uses more than 90 % of its CPU"),
            ));
        }
    }
    conditions.extend(service.ailments.hung_probes.iter().map(|probe| Condition {
        cause: Cause {
            resource: id.to_string(),
            symptom: Symptom::HighLatency,
            probe: Some(*probe),
        },
        severity: Severity::Warning,
        msg: format!("probe {probe} waits too long for {id}"),
    }));
    conditions
}

/// Symptoms of one database.
pub(crate) fn of_database(database: &Database) -> Option<Condition> {
    (database.records == 0).then(|| Condition {
        cause: Cause {
            resource: database.id.to_string(),
            symptom: Symptom::DatabaseUnavailable,
            probe: None,
        },
        severity: Severity::Critical,
        msg: format!("{} answers without any record", database.id),
    })
}
