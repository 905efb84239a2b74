//! An enforcer alone, in front of an upstream and behind an [`Issuer`]: the process that faults are done to.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use countersign_service::credential::SecretHash;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::issuer::{AGENT, Issuer, OPERATOR, SERVICE, Ticket};
use super::process::{Process, binary, countersign};
use super::world::{Answer, send, text};

/// Where an enforcer lives: its folders, its database, and what it is started with.
#[derive(Debug)]
pub(crate) struct Site {
    folder: TempDir,
    /// The data folder.
    pub(crate) data: PathBuf,
    issuer: String,
    upstream: String,
    /// The database's address; an SQLite file in the data folder unless set.
    pub(crate) database: Option<String>,
    /// The audience that it answers to.
    pub(crate) audience: String,
    /// Further environment variables.
    pub(crate) environment: Vec<(String, String)>,
    /// Further lines of `countersign.toml`.
    pub(crate) settings: String,
}

/// A running enforcer; it is killed when dropped.
#[derive(Debug)]
pub(crate) struct Solo {
    pub(crate) process: Process,
    door: Door,
}

/// Its HTTP interface. Clones ask the same process.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    url: String,
    http: Client,
}

impl Site {
    /// With the shipped tools, one agent and one operator.
    pub(crate) fn new(issuer: &Issuer, upstream: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let policies = folder.path().join("policies");
        super::copy_folder(&super::policies().join("tools"), &policies.join("tools"));
        let agents = format!(
            "[[agent]]\nname = \"remediator\"\nautonomy = \"automate-destructive\"\nkey_sha256 = \"{}\"\n",
            SecretHash::of(AGENT)
        );
        std::fs::write(policies.join("agents.toml"), agents).unwrap();
        let operators = format!(
            "[[operator]]\nname = \"operator\"\nroles = [\"operator\"]\nkey_sha256 = \"{}\"\n",
            SecretHash::of(OPERATOR)
        );
        std::fs::write(policies.join("operators.toml"), operators).unwrap();
        std::fs::write(folder.path().join("service.key"), SERVICE).unwrap();
        private(&folder.path().join("service.key"));
        Self {
            folder,
            data,
            issuer: issuer.url().to_owned(),
            upstream: upstream.to_owned(),
            database: None,
            audience: "enforcer".to_owned(),
            environment: Vec::new(),
            settings: String::new(),
        }
    }

    /// The folder around everything.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The SQLite file of its journal.
    pub(crate) fn file(&self) -> PathBuf {
        self.data.join("enforcer.db")
    }

    /// Starts it and waits until it is ready.
    pub(crate) async fn start(&self) -> Solo {
        self.start_with(None, &[]).await
    }

    /// Starts it with a fault armed, such as `sent:abort@2`.
    pub(crate) async fn start_faulty(&self, fault: &str) -> Solo {
        self.start_with(Some(fault), &[]).await
    }

    /// Starts it under another program, such as a tracer, and waits until it is ready.
    pub(crate) async fn start_with(&self, fault: Option<&str>, under: &[String]) -> Solo {
        let mut process = self.spawn(fault, under);
        process.ready(&self.ready_file()).await;
        Solo {
            process,
            door: self.door(),
        }
    }

    /// Whether the process says that it is ready.
    pub(crate) fn is_ready(&self) -> bool {
        self.ready_file().is_file()
    }

    /// The HTTP interface of the process that is ready.
    pub(crate) fn door(&self) -> Door {
        let ready = std::fs::read_to_string(self.ready_file()).unwrap();
        let ready: Value = serde_json::from_str(&ready).unwrap();
        Door {
            url: text(&ready, "/enforcer").to_owned(),
            http: countersign_service::client::internal().unwrap(),
        }
    }

    /// Starts it and waits for nothing.
    pub(crate) fn spawn(&self, fault: Option<&str>, under: &[String]) -> Process {
        // A process that was killed leaves it behind.
        let _ = std::fs::remove_file(self.ready_file());
        let config = self.folder.path().join("countersign.toml");
        std::fs::write(config, &self.settings).unwrap();
        let mut command = Self::command(under);
        command.arg("enforcer").current_dir(self.folder.path());
        command.arg("--data").arg(&self.data);
        command.args(["--policies", "policies"]);
        command.args([
            "--service-key-file",
            "service.key",
            "--listen",
            "127.0.0.1:0",
        ]);
        command.args(["--upstream", &format!("cloud={}", self.upstream)]);
        command.arg("--ready-file").arg(self.ready_file());
        command.env("COUNTERSIGN_AUTHORITY_URL", &self.issuer);
        command.env("COUNTERSIGN_AUDIENCE", &self.audience);
        if let Some(url) = &self.database {
            command.env("COUNTERSIGN_ENFORCER_DATABASE_URL", url);
        }
        if let Some(fault) = fault {
            command.env("COUNTERSIGN_FAULT", fault);
        }
        for (name, value) in &self.environment {
            command.env(name, value);
        }
        Process::spawn(command, &self.folder.path().join("log"))
    }

    fn command(under: &[String]) -> Command {
        let Some((program, arguments)) = under.split_first() else {
            return countersign();
        };
        let mut command = countersign().wrapped(program);
        command.args(arguments).arg(binary());
        command
    }

    fn ready_file(&self) -> PathBuf {
        self.folder.path().join("ready.json")
    }
}

/// Another program with the environment of this one.
trait Wrapped {
    fn wrapped(self, program: &str) -> Command;
}

impl Wrapped for Command {
    fn wrapped(self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear();
        for (name, value) in self.get_envs() {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        command
    }
}

impl Deref for Solo {
    type Target = Door;

    fn deref(&self) -> &Door {
        &self.door
    }
}

impl Door {
    /// Where it listens.
    pub(crate) fn address(&self) -> std::net::SocketAddr {
        self.url.trim_start_matches("http://").parse().unwrap()
    }

    /// Makes the call of a ticket. `None` when no answer came.
    pub(crate) async fn call(&self, ticket: &Ticket) -> Option<Answer> {
        let body = json!({"tool": ticket.tool, "params": ticket.params});
        let request = self
            .request(Method::POST, "/v1/calls", AGENT)
            .header("intent-token", &ticket.token)
            .json(&body);
        heard(request).await
    }

    /// An operator's word on a call in doubt. `None` when no answer came.
    pub(crate) async fn resolve(&self, attempt: &str, resolution: &str) -> Option<Answer> {
        let body =
            json!({"resolution": resolution, "evidence": "the upstream's log", "reason": "a test"});
        let path = format!("/v1/calls/{attempt}/resolution");
        heard(self.request(Method::POST, &path, OPERATOR).json(&body)).await
    }

    /// The calls that its journal knows.
    pub(crate) async fn calls(&self) -> Vec<Value> {
        let path = "/v1/calls?limit=500";
        let listed = send(self.request(Method::GET, path, OPERATOR)).await;
        listed.with(200)["calls"].as_array().unwrap().clone()
    }

    /// Every record of its ledger: the text that was hashed.
    pub(crate) async fn records(&self) -> Vec<String> {
        let mut records = Vec::new();
        let mut path = "/v1/ledger/entries?limit=1000".to_owned();
        loop {
            let page = send(self.request(Method::GET, &path, OPERATOR))
                .await
                .with(200);
            let entries = page["entries"].as_array().unwrap();
            records.extend(
                entries
                    .iter()
                    .map(|entry| text(entry, "/record").to_owned()),
            );
            match page["next"].as_u64() {
                Some(next) => path = format!("/v1/ledger/entries?limit=1000&after={next}"),
                None => return records,
            }
        }
    }

    /// Its public keys.
    pub(crate) async fn jwks(&self) -> Value {
        send(self.request(Method::GET, "/.well-known/jwks.json", OPERATOR))
            .await
            .with(200)
    }

    /// The status of `/readyz`; `None` when no answer came.
    pub(crate) async fn readiness(&self) -> Option<u16> {
        heard(self.request(Method::GET, "/readyz", OPERATOR))
            .await
            .map(|answer| answer.status)
    }

    fn request(&self, method: Method, path: &str, key: &str) -> reqwest::RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.url))
            .bearer_auth(key)
            .timeout(Duration::from_mins(1))
    }
}

/// Sends a request whose answer may never come: its server may be killed meanwhile.
async fn heard(request: reqwest::RequestBuilder) -> Option<Answer> {
    let response = request.send().await.ok()?;
    let status = response.status().as_u16();
    let bytes = response.bytes().await.ok()?;
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    Some(Answer { status, body })
}

/// Keys are read from private files only.
fn private(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}
