//! The same story with five processes: each has its own data folder and no key but its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::command;
use crate::harness::process::{Process, countersign};
use crate::harness::world::{World, text};
use crate::story::{approving, forbidden, healing, reset};

/// Each role, and the keys that it is given.
const ROLES: [(&str, &[&str]); 5] = [
    ("authority", &["service.key"]),
    ("enforcer", &["service.key", "upstream-cloud.key"]),
    ("planner", &["agent-remediator.key"]),
    ("simulator", &["upstream-cloud.key"]),
    ("console", &[]),
];

/// Five processes and their folders.
#[derive(Debug)]
struct Split {
    world: World,
    folder: TempDir,
    _processes: Vec<Process>,
}

#[tokio::test]
async fn five_processes_with_only_their_own_keys_play_the_whole_story() {
    let split = Split::start().await;
    let world = &split.world;
    healing::crash(world).await;
    reset(world).await;
    healing::bad_deploy(world).await;
    reset(world).await;
    healing::traffic_spike(world).await;
    reset(world).await;
    forbidden::plan(world).await;
    forbidden::run(world).await;
    approving::scaling(world).await;
    reset(world).await;
    approving::shutdown(world).await;

    for (role, _) in ROLES {
        let health = world
            .get(role, "/healthz", world.person("operator"))
            .await
            .with(200);
        assert_eq!(text(&health, "/isolation"), "own-process", "{health:#}");
    }
    split.nobody_holds_a_foreign_key();
}

impl Split {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let setup = folder.path().join("setup");
        let policies = crate::harness::policies();
        let made = [
            "keys",
            "generate",
            "--demo",
            "--data",
            setup.to_str().unwrap(),
        ];
        let made = [&made[..], &["--policies", policies.to_str().unwrap()]].concat();
        command::run(&made, folder.path()).with(0);

        let ports: BTreeMap<&str, u16> =
            ROLES.iter().map(|(role, _)| (*role, free_port())).collect();
        let mut processes = Vec::new();
        let mut ready = json!({});
        for (role, keys) in ROLES {
            let data = folder.path().join(role);
            hand_over(&setup, &data, keys);
            processes.push((role, launch(role, &data, &ports)));
        }
        for (role, process) in &mut processes {
            let said = process
                .ready(&folder.path().join(format!("{role}.json")))
                .await;
            ready[*role] = said[*role].clone();
        }
        let credentials = std::fs::read_to_string(setup.join("credentials.json")).unwrap();
        let credentials: Value = serde_json::from_str(&credentials).unwrap();
        let world = World::new(&ready, &credentials, &setup.join("keys"));
        let processes = processes.into_iter().map(|(_, process)| process).collect();
        Self {
            world,
            folder,
            _processes: processes,
        }
    }

    /// What lies in the folders now: the keys that were given, and the signing keys that the authority and
    /// the enforcer made for themselves.
    fn nobody_holds_a_foreign_key(&self) {
        for (role, given) in ROLES {
            let data = self.folder.path().join(role);
            let mut expected: Vec<&str> = given.to_vec();
            let own = match role {
                "authority" => Some("intent-"),
                "enforcer" => Some("receipt-"),
                _ => None,
            };
            expected.extend(own);
            let mut found: Vec<String> = names(&data.join("keys"));
            // The enforcers' public keys, pinned by the authority.
            found.retain(|name| role != "authority" || name != "enforcers.jwks");
            expected.sort_unstable();
            assert_eq!(
                found.len(),
                expected.len(),
                "{role}: {found:?}, expected {expected:?}"
            );
            for (found, expected) in found.iter().zip(&expected) {
                assert!(
                    found.starts_with(expected),
                    "{role}: {found}, expected {expected}"
                );
            }
            assert!(
                !data.join("credentials.json").exists(),
                "{role} has everybody's keys"
            );
            for path in files(&data) {
                let bytes = std::fs::read(&path).unwrap();
                let bytes = String::from_utf8_lossy(&bytes);
                for (kind, holder) in FOREIGN {
                    let holds = bytes.contains(kind) && !holder.contains(&role);
                    assert!(!holds, "{} holds a key of kind {kind}", path.display());
                }
            }
        }
    }
}

/// Beginnings of secrets, and the roles in whose folder they may lie.
const FOREIGN: [(&str, &[&str]); 5] = [
    ("cs_svc_", &["authority", "enforcer"]),
    ("cs_up_", &["enforcer", "simulator"]),
    ("cs_agent_", &["planner"]),
    ("cs_op_", &[]),
    ("\"d\":\"", &["authority", "enforcer"]),
];

/// Gives a role its keys and the overlay, which holds hashes and public keys alone.
fn hand_over(setup: &Path, data: &Path, keys: &[&str]) {
    crate::harness::copy_folder(&setup.join("overlay"), &data.join("overlay"));
    std::fs::create_dir(data.join("keys")).unwrap();
    for key in keys {
        std::fs::copy(setup.join("keys").join(key), data.join("keys").join(key)).unwrap();
    }
}

fn launch(role: &str, data: &Path, ports: &BTreeMap<&str, u16>) -> Process {
    let folder = data.parent().unwrap();
    let mut command = countersign();
    command.arg(role).current_dir(folder);
    command
        .arg("--data")
        .arg(data)
        .arg("--policies")
        .arg(crate::harness::policies());
    command
        .arg("--ready-file")
        .arg(folder.join(format!("{role}.json")));
    command.args(["--listen", &format!("127.0.0.1:{}", ports[role])]);
    for (other, port) in ports {
        command.env(
            format!("COUNTERSIGN_{}_URL", other.to_uppercase()),
            format!("http://127.0.0.1:{port}"),
        );
    }
    if role == "enforcer" {
        let credential = data.join("keys/upstream-cloud.key");
        command.args([
            "--upstream",
            &format!("cloud=http://127.0.0.1:{}", ports["simulator"]),
        ]);
        command
            .arg("--upstream-credential")
            .arg(format!("cloud={}", credential.display()));
    }
    Process::spawn(command, &folder.join(format!("{role}.log")))
}

/// A port that nobody has: roles name each other's addresses before either of them listens. It lies below
/// those that the system hands out by itself, so that no connection takes it meanwhile.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % 9_000).unwrap();
    (0..9_000)
        .map(|_| 20_000 + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % 9_000)
        .find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a free port")
}

/// The names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for name in names(folder) {
        let path = folder.join(name);
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}
