//! F1 for the authority: it dies while it writes its key, and while it takes a new policy bundle.

use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::power::ABORTED;
use super::{Store, part_of, run_all};
use crate::harness::process::{Process, countersign};
use crate::harness::world::{World, text};
use crate::harness::{SOON, command, copy_folder, eventually, policies};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_authority_that_dies_at_any_point_starts_again_whole() {
    let stores = [("sqlite", Store::Sqlite), ("postgres", Store::postgres())];
    let points = ["key_write", "policy_swap", "policy_swap@2"];
    let seeds = part_of(1, 15);
    let cases = stores.into_iter().flat_map(|(name, store)| {
        points.into_iter().flat_map(move |point| {
            let store = store.clone();
            (0..seeds).map(move |seed| {
                let store = store.clone();
                let case = async move || dies(&store, point).await;
                (format!("{point} {name} {seed}"), case)
            })
        })
    });
    run_all("F1 authority", cases).await;
}

/// An authority's folders and database.
struct Home {
    folder: TempDir,
    database: Option<String>,
}

async fn dies(store: &Store, point: &str) -> Vec<String> {
    let home = Home::new(store.database());
    let (point, nth) = point.split_once('@').unwrap_or((point, "1"));
    let mut found = Vec::new();
    let mut process = home.launch(Some(&format!("{point}:abort@{nth}")));
    if nth != "1" {
        process.ready(&home.ready()).await;
        // A rule that says no more than the others; the bundle is another one all the same.
        let file = home.policies().join("site/scale.cedar");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(file, text + "\n// A later version.\n").unwrap();
    }
    let status = process.ended().await;
    if status.signal() != Some(ABORTED) {
        found.push(format!("`{point}` was not reached: {status}"));
    }
    let left = home.keys();
    if point == "key_write" && !left.is_empty() {
        found.push(format!("a key that was never written is there: {left:?}"));
    }

    // Twice, so that what the first start made is what the second finds.
    let mut seen = Vec::new();
    for _ in 0..2 {
        let mut process = home.launch(None);
        let world = home.world(&process.ready(&home.ready()).await);
        seen.push(home.state(&world).await);
        process.kill();
    }
    if seen[0] != seen[1] {
        found.push(format!("two starts differ: {seen:#?}"));
    }
    if home.keys().len() != 1 {
        found.push(format!("there is not one key: {:?}", home.keys()));
    }
    found
}

impl Home {
    fn new(database: Option<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = Self { folder, database };
        copy_folder(&policies(), &home.policies());
        let setup = home.path("setup");
        let made = [
            "keys",
            "generate",
            "--demo",
            "--data",
            setup.to_str().unwrap(),
        ];
        let policies = home.policies();
        let made = [&made[..], &["--policies", policies.to_str().unwrap()]].concat();
        command::run(&made, home.folder.path()).with(0);
        copy_folder(&setup.join("overlay"), &home.data().join("overlay"));
        std::fs::create_dir_all(home.data().join("keys")).unwrap();
        let key = home.data().join("keys/service.key");
        std::fs::copy(setup.join("keys/service.key"), key).unwrap();
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn data(&self) -> PathBuf {
        self.path("data")
    }

    fn policies(&self) -> PathBuf {
        self.path("policies")
    }

    fn ready(&self) -> PathBuf {
        self.path("ready.json")
    }

    fn launch(&self, fault: Option<&str>) -> Process {
        let _ = std::fs::remove_file(self.ready());
        let mut command = countersign();
        command.arg("authority").current_dir(self.folder.path());
        command.arg("--data").arg(self.data());
        command.arg("--policies").arg(self.policies());
        command.arg("--ready-file").arg(self.ready());
        command.args(["--listen", "127.0.0.1:0"]);
        if let Some(url) = &self.database {
            command.env("COUNTERSIGN_AUTHORITY_DATABASE_URL", url);
        }
        if let Some(fault) = fault {
            command.env("COUNTERSIGN_FAULT", fault);
        }
        Process::spawn(command, &self.path("log"))
    }

    fn world(&self, ready: &Value) -> World {
        let credentials = std::fs::read_to_string(self.path("setup/credentials.json")).unwrap();
        let credentials: Value = serde_json::from_str(&credentials).unwrap();
        World::new(ready, &credentials, &self.path("setup/keys"))
    }

    /// The files of intent-signing keys, whole or not.
    fn keys(&self) -> Vec<String> {
        names(&self.data().join("keys"))
            .into_iter()
            .filter(|name| name.contains("intent-"))
            .collect()
    }

    /// What must be the same after every start: the key, and the bundle of the folder's content; and a plan
    /// is judged by it.
    async fn state(&self, world: &World) -> Value {
        let keys = world.get("authority", "/.well-known/jwks.json", "").await;
        let operator = world.person("operator");
        let bundle = eventually("a bundle is active", SOON, async || {
            let shown = world.get("authority", "/v1/policies", operator).await;
            let shown = shown.with(200);
            Some(shown).filter(|shown| shown["bundle"].is_string())
        })
        .await;
        let params = json!({"service_id": "payments", "replicas": 4});
        let steps = json!([{"id": "s1", "tool": "infra.scale", "params": params}]);
        let plan = world.submit("remediator", steps).await;
        assert_eq!(text(&plan, "/verdict"), "allow", "{plan:#}");
        json!({"keys": keys.with(200), "bundle": bundle["bundle"]})
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name();
    entries
        .map(|entry| name(entry).into_string().unwrap())
        .collect()
}
