//! Each fault shows its symptom in time; its remedy heals it and the others do not.

use super::{ALL_KINDS, Lab};
use crate::world::alerts::Symptom;
use crate::world::faults::FaultKind;
use crate::world::metrics::Status;
use crate::world::service::{ProcessState, Traffic};
use crate::world::{ActionError, World};

const SERVICES: [&str; 3] = ["auth", "db", "payments"];

/// What a caller can try on a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Remedy {
    Restart,
    EarlierVersion,
    Scale(u64),
}

fn apply(lab: &mut Lab, remedy: Remedy, service: &str) {
    let (world, now): (&mut World, _) = (&mut lab.world, lab.now);
    // A remedy that the state refuses is one that does not heal.
    let _ = match remedy {
        Remedy::Restart => world.restart(now, service),
        Remedy::EarlierVersion => world.set_version(now, service, None),
        Remedy::Scale(replicas) => world.scale(now, service, replicas),
    };
}

fn symptom(kind: FaultKind) -> Symptom {
    match kind {
        FaultKind::Crash | FaultKind::BadDeploy => Symptom::HealthCheckFailing,
        FaultKind::Degrade | FaultKind::Storm => Symptom::HighLatency,
        FaultKind::MemoryLeak => Symptom::MemoryHigh,
        FaultKind::TrafficSpike => Symptom::CpuSaturated,
    }
}

fn cures(kind: FaultKind) -> &'static [Remedy] {
    match kind {
        FaultKind::Crash => &[Remedy::Restart],
        FaultKind::BadDeploy => &[Remedy::EarlierVersion],
        // A version change replaces the processes too, so what lives in them is gone.
        FaultKind::Degrade | FaultKind::MemoryLeak | FaultKind::Storm => {
            &[Remedy::Restart, Remedy::EarlierVersion]
        }
        FaultKind::TrafficSpike => &[Remedy::Scale(6)],
    }
}

fn single_service_faults() -> impl Iterator<Item = (FaultKind, &'static str)> {
    ALL_KINDS
        .into_iter()
        .filter(|kind| *kind != FaultKind::Storm)
        .flat_map(|kind| SERVICES.into_iter().map(move |service| (kind, service)))
}

#[test]
fn a_fresh_world_is_well_and_stays_well() {
    let mut lab = Lab::new();
    assert!(lab.is_well());
    lab.run(120_000);
    assert!(lab.is_well());
    assert_eq!(lab.world.alerts().iter().count(), 0);
}

#[test]
fn each_fault_raises_its_symptom_within_two_seconds_and_first() {
    for (kind, service) in single_service_faults() {
        let mut lab = Lab::new();
        lab.inject(kind, service);
        lab.run(2_000);
        let symptoms = lab.symptoms();
        assert_eq!(
            symptoms.first(),
            Some(&(service, symptom(kind))),
            "{kind:?} of {service}"
        );
        assert_ne!(lab.status(service), Status::Up, "{kind:?} of {service}");
        assert_eq!(
            symptoms
                .iter()
                .filter(|(resource, _)| *resource == service)
                .count(),
            1,
            "{kind:?} of {service} shows one symptom there: {symptoms:?}"
        );
    }
}

#[test]
fn each_remedy_heals_its_fault_within_two_seconds_and_no_other_does() {
    let remedies = [Remedy::Restart, Remedy::EarlierVersion, Remedy::Scale(6)];
    for (kind, service) in single_service_faults() {
        for remedy in remedies {
            let mut lab = Lab::new();
            lab.inject(kind, service);
            lab.run(5_000);
            apply(&mut lab, remedy, service);
            lab.run(2_000);
            let healed = cures(kind).contains(&remedy);
            assert_eq!(
                lab.is_well(),
                healed,
                "{remedy:?} of {service} against {kind:?}"
            );
            assert_eq!(
                lab.world.faults().is_empty(),
                healed,
                "{remedy:?} against {kind:?}"
            );
            lab.run(30_000);
            assert_eq!(
                lab.is_well(),
                healed,
                "{remedy:?} of {service} against {kind:?}, later"
            );
        }
    }
}

#[test]
fn a_crash_and_a_bad_deploy_look_alike_until_the_service_is_read() {
    let mut crashed = Lab::new();
    crashed.inject(FaultKind::Crash, "payments");
    crashed.run(2_000);
    let mut deployed = Lab::new();
    deployed.inject(FaultKind::BadDeploy, "payments");
    deployed.run(2_000);

    let seen = |lab: &Lab| {
        lab.open()
            .iter()
            .map(|alert| {
                (
                    alert.resource.clone(),
                    alert.severity,
                    alert.symptom,
                    alert.msg.clone(),
                )
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(seen(&crashed), seen(&deployed));

    let (service, metrics) = crashed.service("payments");
    assert_eq!(service.process, ProcessState::Exited(137));
    assert_eq!(
        (metrics.status, service.version.as_str()),
        (Status::Down, "2.4.0")
    );
    let (service, metrics) = deployed.service("payments");
    assert_eq!(service.process, ProcessState::Running);
    assert_eq!(
        (metrics.status, service.version.as_str()),
        (Status::Down, "2.4.1")
    );
    let newest = service.versions.last().unwrap();
    assert_eq!(newest.name, "2.4.1");
    assert!(deployed.now.duration_since(newest.deployed_at).as_secs() <= 2);
}

#[test]
fn an_earlier_version_can_be_named_and_the_defective_one_fails_again() {
    let mut lab = Lab::new();
    lab.inject(FaultKind::BadDeploy, "payments");
    lab.run(2_000);
    lab.world
        .set_version(lab.now, "payments", Some("2.3.1"))
        .unwrap();
    lab.run(2_000);
    assert!(lab.is_well());
    assert_eq!(lab.service("payments").0.version, "2.3.1");

    lab.world
        .set_version(lab.now, "payments", Some("2.4.1"))
        .unwrap();
    lab.run(2_000);
    assert_eq!(lab.symptoms(), [("payments", Symptom::HealthCheckFailing)]);
    assert_eq!(lab.world.faults().len(), 1);
    lab.world.set_version(lab.now, "payments", None).unwrap();
    lab.run(2_000);
    assert_eq!(lab.service("payments").0.version, "2.4.0");
    assert!(lab.is_well());
    assert!(lab.world.faults().is_empty());
}

#[test]
fn too_few_replicas_do_not_absorb_a_spike_and_an_absorbed_one_eases() {
    let mut lab = Lab::new();
    lab.inject(FaultKind::TrafficSpike, "payments");
    lab.run(4_000);
    apply(&mut lab, Remedy::Scale(4), "payments");
    lab.run(4_000);
    assert_eq!(lab.symptoms(), [("payments", Symptom::CpuSaturated)]);
    apply(&mut lab, Remedy::Scale(5), "payments");
    lab.run(2_000);
    assert!(lab.is_well());
    assert!(lab.world.faults().is_empty());
    lab.run(61_000);
    assert_eq!(
        lab.service("payments").0.ailments.traffic,
        Traffic::Ordinary
    );
    apply(&mut lab, Remedy::Scale(3), "payments");
    lab.run(5_000);
    assert!(lab.is_well());
}

#[test]
fn a_storm_raises_exactly_as_many_alerts_as_asked_and_restarts_end_it() {
    let mut lab = Lab::new();
    lab.inject(FaultKind::Storm, "40");
    lab.run(2_000);
    assert_eq!(lab.open().len(), 40);
    assert!(
        lab.open()
            .iter()
            .all(|alert| alert.symptom == Symptom::HighLatency)
    );
    for service in SERVICES {
        assert_eq!(lab.status(service), Status::Degraded);
        assert_eq!(lab.world.faults().len(), 1);
        lab.world.restart(lab.now, service).unwrap();
    }
    lab.run(2_000);
    assert!(lab.is_well());
    assert!(lab.world.faults().is_empty());
}

#[test]
fn a_service_that_is_down_makes_its_dependents_fail_and_reading_shows_the_root() {
    let mut lab = Lab::new();
    lab.inject(FaultKind::Crash, "db");
    lab.run(2_000);
    let symptoms = lab.symptoms();
    assert_eq!(symptoms[0], ("db", Symptom::HealthCheckFailing));
    assert_eq!(symptoms.len(), 3);
    for dependent in ["auth", "payments"] {
        assert!(symptoms.contains(&(dependent, Symptom::HighErrorRate)));
        let (service, metrics) = lab.service(dependent);
        assert_eq!(metrics.status, Status::Degraded);
        assert!(metrics.error_rate > 0.25, "{}", metrics.error_rate);
        assert!(service.depends_on.iter().any(|id| id.as_str() == "db"));
    }
    // Working on a dependent changes nothing.
    lab.world.restart(lab.now, "payments").unwrap();
    lab.run(2_000);
    assert_eq!(lab.status("payments"), Status::Degraded);
    lab.world.restart(lab.now, "db").unwrap();
    lab.run(2_000);
    assert!(lab.is_well());
}

#[test]
fn clearing_a_fault_heals_it() {
    for kind in ALL_KINDS {
        let mut lab = Lab::new();
        let target = if kind == FaultKind::Storm {
            "9"
        } else {
            "payments"
        };
        let fault = lab.world.inject(lab.now, kind, target).unwrap();
        lab.run(2_500);
        assert!(!lab.is_well(), "{kind:?}");
        assert_eq!(lab.world.clear_fault(lab.now, &fault.id).unwrap(), fault);
        assert!(lab.world.faults().is_empty(), "{kind:?}");
        lab.run(2_000);
        assert!(lab.is_well(), "{kind:?}: {:?}", lab.symptoms());
        assert!(lab.world.clear_fault(lab.now, &fault.id).is_err());
    }
}

#[test]
fn a_reset_restores_everything_at_once() {
    let mut lab = Lab::new();
    let before = lab.digest();
    lab.inject(FaultKind::BadDeploy, "payments");
    lab.inject(FaultKind::MemoryLeak, "auth");
    lab.inject(FaultKind::Storm, "30");
    lab.run(2_000);
    lab.world.wipe(lab.now, "prod_db").unwrap();
    lab.world.remove_user(lab.now, "maria").unwrap();
    lab.world.scale(lab.now, "db", 4).unwrap();
    lab.run(1_000);
    assert_ne!(lab.digest(), before);
    lab.world.reset(lab.now);
    assert!(lab.is_well());
    assert!(lab.world.faults().is_empty());
    assert_eq!(lab.digest(), before);
    lab.run(5_000);
    assert!(lab.is_well());
}

#[test]
fn impossible_faults_are_refused() {
    let mut lab = Lab::new();
    let now = lab.now;
    let unknown = lab
        .world
        .inject(now, FaultKind::Crash, "ledger")
        .unwrap_err();
    assert!(matches!(
        unknown,
        ActionError::Unknown {
            kind: "service",
            ..
        }
    ));
    for number in ["0", "501", "many", "-3", ""] {
        let refused = lab.world.inject(now, FaultKind::Storm, number).unwrap_err();
        assert!(matches!(refused, ActionError::Invalid(_)), "{number}");
    }
    lab.inject(FaultKind::Crash, "auth");
    let twice = lab.world.inject(now, FaultKind::Crash, "auth").unwrap_err();
    assert!(matches!(twice, ActionError::Conflict(_)));
    let on_exited = lab
        .world
        .inject(now, FaultKind::Degrade, "auth")
        .unwrap_err();
    assert!(matches!(on_exited, ActionError::Conflict(_)));
    assert_eq!(lab.world.faults().len(), 1);
}
