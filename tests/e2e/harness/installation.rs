//! `countersign up` in a folder of its own.

use std::ops::Deref;
use std::path::{Path, PathBuf};

use countersign_intent::key::SigningKey;
use serde_json::Value;
use tempfile::TempDir;

use super::command::{self, Ended};
use super::process::{Process, countersign};
use super::world::World;

/// Every role in one process. The process and the folder go when this is dropped.
#[derive(Debug)]
pub(crate) struct Installation {
    process: Process,
    world: World,
    setup: Setup,
}

/// What the process is started with, again and again.
#[derive(Debug)]
struct Setup {
    folder: TempDir,
    policies: PathBuf,
    arguments: Vec<String>,
}

impl Installation {
    /// With the mini cloud.
    pub(crate) async fn demo() -> Self {
        Self::start(&["--demo"], &super::policies()).await
    }

    /// In front of an upstream at `url`, which takes the place of the mini cloud.
    pub(crate) async fn before(url: &str) -> Self {
        Self::start(&["--upstream", &format!("cloud={url}")], &super::policies()).await
    }

    /// With these arguments after `up`, under the policies of a folder.
    pub(crate) async fn start(arguments: &[&str], policies: &Path) -> Self {
        let setup = Setup {
            folder: tempfile::tempdir().unwrap(),
            policies: policies.to_owned(),
            arguments: arguments
                .iter()
                .map(|&argument| argument.to_owned())
                .collect(),
        };
        let (process, world) = setup.start().await;
        Self {
            process,
            world,
            setup,
        }
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts again on the same data, after the process ended.
    pub(crate) async fn start_again(&mut self) {
        (self.process, self.world) = self.setup.start().await;
    }

    /// Its process.
    pub(crate) fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// The data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.setup.data()
    }

    /// The authority's own signing key.
    pub(crate) fn intent_key(&self) -> SigningKey {
        let files = std::fs::read_dir(self.data().join("keys")).unwrap();
        let mut files = files.map(|entry| entry.unwrap().path());
        let is_intent = |path: &PathBuf| {
            path.file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with("intent-")
        };
        let path = files
            .find(is_intent)
            .expect("the authority has a signing key");
        SigningKey::from_jwk(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    /// Runs a client command with `--json`, which must end with `code`; gives its document.
    #[track_caller]
    pub(crate) fn says(&self, code: i32, arguments: &[&str]) -> Value {
        self.command(&[arguments, &["--json"]].concat())
            .with(code)
            .json()
    }

    /// Runs a client command on this installation.
    pub(crate) fn command(&self, arguments: &[&str]) -> Ended {
        let mut all = arguments.to_vec();
        let (data, policies) = (self.data(), self.setup.policies.clone());
        all.extend([
            "--data",
            data.to_str().unwrap(),
            "--policies",
            policies.to_str().unwrap(),
        ]);
        command::run(&all, self.setup.folder.path())
    }
}

impl Deref for Installation {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl Setup {
    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    async fn start(&self) -> (Process, World) {
        let ready = self.folder.path().join("ready.json");
        // A process that was killed leaves it behind.
        let _ = std::fs::remove_file(&ready);
        let mut command = countersign();
        command
            .arg("up")
            .args(&self.arguments)
            .current_dir(self.folder.path());
        command
            .arg("--data")
            .arg(self.data())
            .arg("--policies")
            .arg(&self.policies);
        command.arg("--ready-file").arg(&ready);
        command.env("COUNTERSIGN_TOKEN_TTL", "300");
        for role in ["AUTHORITY", "ENFORCER", "PLANNER", "SIMULATOR", "CONSOLE"] {
            command.env(format!("COUNTERSIGN_{role}_LISTEN"), "127.0.0.1:0");
        }
        let mut process = Process::spawn(command, &self.folder.path().join("log"));
        let addresses = process.ready(&ready).await;
        let credentials = std::fs::read_to_string(self.data().join("credentials.json")).unwrap();
        let credentials: Value = serde_json::from_str(&credentials).unwrap();
        let world = World::new(&addresses, &credentials, &self.data().join("keys"));
        (process, world)
    }
}
