//! Each tool does to the world what its name says, and refuses what makes no sense.

use super::Lab;
use crate::world::ActionError;
use crate::world::alerts::Symptom;
use crate::world::identity::{Lock, NewUser};
use crate::world::metrics::Status;
use crate::world::service::ProcessState;

#[test]
fn a_shutdown_lasts_until_a_restart() {
    let mut lab = Lab::new();
    lab.world.shutdown(lab.now, "auth").unwrap();
    lab.run(60_000);
    assert_eq!(lab.status("auth"), Status::Down);
    assert_eq!(lab.service("auth").0.process, ProcessState::Stopped);
    assert!(
        lab.symptoms()
            .contains(&("auth", Symptom::HealthCheckFailing))
    );
    let again = lab.world.shutdown(lab.now, "auth").unwrap_err();
    assert!(matches!(again, ActionError::Conflict(_)));
    lab.world.scale(lab.now, "auth", 5).unwrap();
    lab.run(2_000);
    assert_eq!(lab.status("auth"), Status::Down);
    lab.world.restart(lab.now, "auth").unwrap();
    lab.run(2_000);
    assert!(lab.is_well());
    assert_eq!(lab.service("auth").1.ready_replicas, 5);
}

#[test]
fn scaling_takes_a_second_up_and_none_down() {
    let mut lab = Lab::new();
    lab.world.scale(lab.now, "payments", 5).unwrap();
    assert_eq!(lab.service("payments").0.replicas(), 5);
    assert_eq!(lab.service("payments").1.ready_replicas, 3);
    lab.run(1_000);
    assert_eq!(lab.service("payments").1.ready_replicas, 5);
    lab.world.scale(lab.now, "payments", 3).unwrap();
    assert_eq!(lab.service("payments").1.ready_replicas, 3);
    assert!(matches!(
        lab.world.scale(lab.now, "payments", 101).unwrap_err(),
        ActionError::Invalid(_)
    ));
}

#[test]
fn scaling_to_nothing_is_down_and_scaling_back_is_up() {
    let mut lab = Lab::new();
    lab.world.scale(lab.now, "payments", 0).unwrap();
    lab.run(2_000);
    assert_eq!(lab.symptoms(), [("payments", Symptom::HealthCheckFailing)]);
    lab.world.scale(lab.now, "payments", 3).unwrap();
    lab.run(2_000);
    assert!(lab.is_well());
}

#[test]
fn versions_that_do_not_exist_or_are_current_are_refused() {
    let mut lab = Lab::new();
    let now = lab.now;
    let unknown = lab
        .world
        .set_version(now, "payments", Some("9.9.9"))
        .unwrap_err();
    assert!(matches!(
        unknown,
        ActionError::Unknown {
            kind: "version",
            ..
        }
    ));
    let current = lab
        .world
        .set_version(now, "payments", Some("2.4.0"))
        .unwrap_err();
    assert!(matches!(current, ActionError::Conflict(_)));
    lab.world.set_version(now, "payments", None).unwrap();
    let none_before = lab.world.set_version(now, "payments", None).unwrap_err();
    assert!(matches!(none_before, ActionError::Conflict(_)));
    lab.world.shutdown(now, "payments").unwrap();
    let stopped = lab
        .world
        .set_version(now, "payments", Some("2.4.0"))
        .unwrap_err();
    assert!(matches!(stopped, ActionError::Conflict(_)));
}

#[test]
fn a_wipe_empties_the_database_and_a_restore_brings_it_back() {
    let mut lab = Lab::new();
    let (_, backup) = lab.world.back_up(lab.now, "prod_db").unwrap();
    assert_eq!(backup.records, 48_210);
    assert_eq!(lab.world.wipe(lab.now, "prod_db").unwrap().records, 0);
    lab.run(2_000);
    assert_eq!(lab.symptoms()[0], ("prod_db", Symptom::DatabaseUnavailable));
    assert_eq!(lab.status("db"), Status::Up);
    assert_eq!(lab.status("payments"), Status::Degraded);

    let unknown = lab
        .world
        .restore(lab.now, "prod_db", "bkp-none")
        .unwrap_err();
    assert!(matches!(
        unknown,
        ActionError::Unknown { kind: "backup", .. }
    ));
    let database = lab
        .world
        .restore(lab.now, "prod_db", backup.id.as_str())
        .unwrap();
    assert_eq!((database.records, database.backups.len()), (48_210, 2));
    lab.run(2_000);
    assert!(lab.is_well());
}

#[test]
fn a_backup_of_an_empty_database_is_empty() {
    let mut lab = Lab::new();
    lab.world.wipe(lab.now, "prod_db").unwrap();
    let (_, backup) = lab.world.back_up(lab.now, "prod_db").unwrap();
    assert_eq!(
        lab.world
            .restore(lab.now, "prod_db", backup.id.as_str())
            .unwrap()
            .records,
        0
    );
    assert_eq!(
        lab.world
            .restore(lab.now, "prod_db", "bkp-nightly")
            .unwrap()
            .records,
        48_210
    );
}

#[test]
fn a_database_whose_server_is_down_cannot_be_changed() {
    let mut lab = Lab::new();
    let now = lab.now;
    lab.world.shutdown(now, "db").unwrap();
    for refused in [
        lab.world.back_up(now, "prod_db").map(|_| ()),
        lab.world.restore(now, "prod_db", "bkp-nightly").map(|_| ()),
        lab.world.wipe(now, "prod_db").map(|_| ()),
    ] {
        assert!(matches!(refused, Err(ActionError::Conflict(_))));
    }
    assert_eq!(lab.world.databases().next().unwrap().records, 48_210);
}

#[test]
fn accounts_are_created_changed_and_removed() {
    let mut lab = Lab::new();
    let now = lab.now;
    let new = NewUser {
        id: "sam".into(),
        name: "Sam".into(),
        email: "sam@example.com".into(),
        role: "engineer".into(),
    };
    lab.world.create_user(now, new.clone()).unwrap();
    assert!(matches!(
        lab.world.create_user(now, new).unwrap_err(),
        ActionError::Conflict(_)
    ));
    assert_eq!(
        lab.world
            .change_role(now, "sam", "admin".into())
            .unwrap()
            .role,
        "admin"
    );
    assert_eq!(
        lab.world
            .reset_password(now, "sam")
            .unwrap()
            .password_resets,
        1
    );
    assert_eq!(
        lab.world.set_lock(now, "sam", Lock::Locked).unwrap().lock,
        Lock::Locked
    );
    let twice = lab.world.set_lock(now, "sam", Lock::Locked).unwrap_err();
    assert!(matches!(twice, ActionError::Conflict(_)));
    assert_eq!(
        lab.world.set_lock(now, "sam", Lock::Open).unwrap().lock,
        Lock::Open
    );
    lab.world.remove_user(now, "sam").unwrap();
    assert!(matches!(
        lab.world.reset_password(now, "sam").unwrap_err(),
        ActionError::Unknown { kind: "user", .. }
    ));
}

#[test]
fn a_rotated_key_counts_up() {
    let mut lab = Lab::new();
    assert_eq!(
        lab.world.rotate_key(lab.now, "payments").unwrap().rotations,
        1
    );
    assert_eq!(
        lab.world.rotate_key(lab.now, "payments").unwrap().rotations,
        2
    );
    assert!(lab.world.rotate_key(lab.now, "prod_db").is_err());
}

#[test]
fn every_action_is_on_record_and_a_refused_one_is_not() {
    let mut lab = Lab::new();
    let now = lab.now;
    let before = lab.digest();
    let written = lab.world.audit().newest_first().count();
    lab.world.scale(now, "nobody", 3).unwrap_err();
    lab.world.remove_user(now, "nobody").unwrap_err();
    lab.world.restore(now, "prod_db", "none").unwrap_err();
    lab.run(10_000);
    assert_eq!(lab.digest(), before);
    assert_eq!(lab.world.audit().newest_first().count(), written);

    // Even an action that leaves the same state behind shows in the hash.
    lab.world.scale(lab.now, "payments", 3).unwrap();
    assert_ne!(lab.digest(), before);
    let entry = lab.world.audit().newest_first().next().unwrap().clone();
    assert_eq!(
        (entry.actor.as_str(), entry.action),
        ("enforcer", "service.scale")
    );
    assert_eq!(
        (entry.target.as_str(), entry.detail.as_deref()),
        ("payments", Some("3 replicas"))
    );
}
