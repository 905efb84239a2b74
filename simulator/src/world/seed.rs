//! The world as it is before anybody touches it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::audit::AuditLog;
use super::data::{Backup, Database};
use super::identity::{ApiKey, Lock, User};
use super::ids::{BackupId, DatabaseId, ServiceId, UserId};
use super::service::{Ailments, ProcessState, Profile, Service, Soundness, Version};

/// Everything that a reset brings back.
#[derive(Clone, Debug)]
pub(super) struct Contents {
    /// Each service after those it depends on.
    pub(super) services: Vec<Service>,
    pub(super) databases: BTreeMap<DatabaseId, Database>,
    pub(super) users: BTreeMap<UserId, User>,
    pub(super) keys: BTreeMap<ServiceId, ApiKey>,
}

/// The healthy demo world, looked at from `now`.
pub(super) fn contents(now: Timestamp) -> Contents {
    let services = vec![
        service(
            now,
            "db",
            &[],
            1,
            &["15.4.0", "15.6.0"],
            Profile {
                requests_per_second: 400.0,
                capacity_per_replica: 800.0,
                latency_ms: 6.0,
                memory_percent: 58.0,
            },
        ),
        service(
            now,
            "auth",
            &["db"],
            2,
            &["1.11.2", "1.12.0"],
            Profile {
                requests_per_second: 80.0,
                capacity_per_replica: 90.0,
                latency_ms: 25.0,
                memory_percent: 36.0,
            },
        ),
        service(
            now,
            "payments",
            &["db", "auth"],
            3,
            &["2.3.1", "2.4.0"],
            Profile {
                requests_per_second: 120.0,
                capacity_per_replica: 80.0,
                latency_ms: 60.0,
                memory_percent: 42.0,
            },
        ),
    ];
    let rotated_at = now - SignedDuration::from_hours(24 * 30);
    let keys = services
        .iter()
        .map(|service| {
            let target = service.id.clone();
            (
                target.clone(),
                ApiKey {
                    target,
                    rotations: 0,
                    rotated_at,
                },
            )
        })
        .collect();
    Contents {
        services,
        databases: databases(now),
        users: users(now),
        keys,
    }
}

/// The entries that the audit log starts with.
pub(super) fn audit(contents: &Contents) -> AuditLog {
    let mut log = AuditLog::default();
    let mut deploys: Vec<(Timestamp, &str, &str)> = contents
        .services
        .iter()
        .flat_map(|service| {
            service.versions.iter().map(|version| {
                (
                    version.deployed_at,
                    service.id.as_str(),
                    version.name.as_str(),
                )
            })
        })
        .collect();
    deploys.sort_unstable();
    for (at, service, version) in deploys {
        log.append(
            at,
            "ci",
            "service.deploy",
            service,
            Some(version.to_owned()),
        );
    }
    log
}

fn service(
    now: Timestamp,
    id: &str,
    depends_on: &[&str],
    replicas: usize,
    versions: &[&str; 2],
    profile: Profile,
) -> Service {
    let [older, current] = versions;
    let deployed = |name: &str, days: i64| Version {
        name: name.to_owned(),
        deployed_at: now - SignedDuration::from_hours(24 * days),
        soundness: Soundness::Sound,
    };
    let versions = vec![deployed(older, 34), deployed(current, 6)];
    let started_at = now - SignedDuration::from_hours(24 * 6);
    Service {
        id: ServiceId::new(id),
        env: "production",
        tier: "critical",
        depends_on: depends_on.iter().map(|id| ServiceId::new(*id)).collect(),
        profile,
        version: (*current).to_owned(),
        versions,
        process: ProcessState::Running,
        restarts: 0,
        started_at,
        ready_from: vec![started_at; replicas],
        ailments: Ailments::default(),
    }
}

fn databases(now: Timestamp) -> BTreeMap<DatabaseId, Database> {
    let id = DatabaseId::new("prod_db");
    let database = Database {
        id: id.clone(),
        service: ServiceId::new("db"),
        env: "production",
        tier: "critical",
        records: 48_210,
        backups: vec![Backup {
            id: BackupId::new("bkp-nightly"),
            taken_at: now - SignedDuration::from_hours(9),
            records: 48_210,
        }],
        restores: 0,
    };
    BTreeMap::from([(id, database)])
}

fn users(now: Timestamp) -> BTreeMap<UserId, User> {
    [
        ("maria", "Maria Okafor", "admin"),
        ("jonas", "Jonas Lind", "engineer"),
        ("chen", "Chen Wei", "engineer"),
        ("priya", "Priya Nair", "support"),
    ]
    .into_iter()
    .map(|(id, name, role)| {
        let user = User {
            id: UserId::new(id),
            name: name.to_owned(),
            email: format!("{id}@example.com"),
            role: role.to_owned(),
            lock: Lock::Open,
            created_at: now - SignedDuration::from_hours(24 * 200),
            password_resets: 0,
        };
        (user.id.clone(), user)
    })
    .collect()
}
