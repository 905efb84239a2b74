//! Alerts follow the state; resolving one by hand does not hide a cause.

use super::Lab;
use crate::world::ActionError;
use crate::world::alerts::{Severity, Symptom};
use crate::world::faults::FaultKind;

#[test]
fn an_alert_resolved_by_hand_opens_again_under_a_new_id_while_its_cause_persists() {
    let mut lab = Lab::new();
    lab.inject(FaultKind::MemoryLeak, "payments");
    lab.run(2_000);
    let first = lab.open()[0].id.clone();
    let resolved = lab
        .world
        .resolve_alert(lab.now, first.as_str(), "seen".into())
        .unwrap();
    assert_eq!(resolved.note.as_deref(), Some("seen"));
    assert_eq!(resolved.resolved_at, Some(lab.now));
    assert!(lab.open().is_empty());
    lab.run(2_000);
    assert_eq!(lab.symptoms(), [("payments", Symptom::MemoryHigh)]);
    assert_ne!(lab.open()[0].id, first);
    // The first one keeps its note and stays closed.
    let again = lab
        .world
        .resolve_alert(lab.now, first.as_str(), "twice".into())
        .unwrap_err();
    assert!(matches!(again, ActionError::Conflict(_)));
}

#[test]
fn an_alert_resolved_after_healing_stays_closed() {
    let mut lab = Lab::new();
    lab.inject(FaultKind::Crash, "payments");
    lab.run(2_000);
    let id = lab.open()[0].id.clone();
    lab.world.restart(lab.now, "payments").unwrap();
    lab.run(750);
    lab.world
        .resolve_alert(lab.now, id.as_str(), "restarted".into())
        .unwrap();
    lab.run(10_000);
    assert_eq!(lab.world.alerts().iter().count(), 1);
    assert!(lab.is_well());
}

#[test]
fn an_alert_closed_by_the_state_says_when() {
    let mut lab = Lab::new();
    lab.inject(FaultKind::Degrade, "auth");
    lab.run(2_000);
    lab.world.restart(lab.now, "auth").unwrap();
    let healed = lab.now;
    lab.run(2_000);
    let alert = lab.world.alerts().iter().next().unwrap();
    let closed = alert.resolved_at.unwrap();
    assert!(closed > healed && closed <= lab.now);
    assert!(alert.opened_at < healed);
    assert_eq!(alert.note, None);
}

#[test]
fn a_restart_of_a_healthy_service_raises_no_alert_and_is_over_in_a_second() {
    for service in ["auth", "db", "payments"] {
        let mut lab = Lab::new();
        lab.world.restart(lab.now, service).unwrap();
        assert_eq!(lab.service(service).1.ready_replicas, 0);
        lab.run(1_000);
        assert!(lab.is_well());
        lab.run(5_000);
        assert_eq!(lab.world.alerts().iter().count(), 0, "{service}");
    }
}

#[test]
fn an_alert_does_not_close_before_every_replica_is_ready_again() {
    for (kind, service) in [(FaultKind::MemoryLeak, "auth"), (FaultKind::Storm, "3")] {
        let mut lab = Lab::new();
        lab.inject(kind, service);
        lab.run(2_000);
        for service in ["auth", "db", "payments"] {
            lab.world.restart(lab.now, service).unwrap();
        }
        for _ in 0..8 {
            lab.run(250);
            assert!(!lab.open().is_empty() || lab.is_well(), "{kind:?}");
        }
        assert!(lab.is_well(), "{kind:?}");
    }
}

#[test]
fn a_reported_alert_stays_until_it_is_resolved() {
    let mut lab = Lab::new();
    let alert = lab
        .world
        .create_alert(
            lab.now,
            "operator",
            "payments",
            Severity::Info,
            "odd".into(),
        )
        .unwrap();
    lab.run(60_000);
    assert_eq!(lab.symptoms(), [("payments", Symptom::Reported)]);
    lab.world
        .resolve_alert(lab.now, alert.id.as_str(), "looked".into())
        .unwrap();
    lab.run(5_000);
    assert!(lab.is_well());
}

#[test]
fn closed_alerts_are_forgotten_oldest_first_and_open_ones_never() {
    let mut lab = Lab::new();
    lab.inject(FaultKind::Crash, "db");
    lab.run(2_000);
    let open = lab.open().len();
    for _ in 0..150 {
        let alert = lab
            .world
            .create_alert(lab.now, "operator", "auth", Severity::Info, "x".into())
            .unwrap();
        lab.world
            .resolve_alert(lab.now, alert.id.as_str(), "y".into())
            .unwrap();
    }
    lab.run(500);
    assert_eq!(lab.open().len(), open);
    assert_eq!(lab.world.alerts().iter().count(), open + 100);
    assert_eq!(lab.world.take_alert_changes().forgotten.len(), 50);
}
