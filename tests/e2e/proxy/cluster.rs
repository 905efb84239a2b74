//! The server with the shapes of Kubernetes' API, as seen from a test.

use std::process::Command;

use reqwest::Client;
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::process::Process;

/// A running server with a small cluster.
#[derive(Debug)]
pub(super) struct Cluster {
    _process: Process,
    api: String,
    control: String,
    http: Client,
    _folder: TempDir,
}

impl Cluster {
    pub(super) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ready.json");
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubernetes-shaped"));
        command.arg(&file);
        let mut process = Process::spawn(command, &folder.path().join("log"));
        let ready = process.ready(&file).await;
        let address = |name: &str| ready[name].as_str().unwrap().to_owned();
        Self {
            _process: process,
            api: address("api"),
            control: address("control"),
            http: countersign_service::client::internal().unwrap(),
            _folder: folder,
        }
    }

    /// Where its API is.
    pub(super) fn url(&self) -> &str {
        &self.api
    }

    /// The requests that reached it, oldest first.
    pub(super) async fn log(&self) -> Vec<Value> {
        self.ask("/log").await["requests"]
            .as_array()
            .unwrap()
            .clone()
    }

    /// The requests with this method that reached it.
    pub(super) async fn with(&self, method: &str) -> Vec<Value> {
        let mut log = self.log().await;
        log.retain(|request| request["method"] == method);
        log
    }

    /// The object at a path; null where there is none.
    pub(super) async fn object(&self, path: &str) -> Value {
        self.ask("/cluster").await[path].clone()
    }

    async fn ask(&self, path: &str) -> Value {
        let answer = self
            .http
            .get(format!("{}{path}", self.control))
            .send()
            .await;
        answer.unwrap().json().await.unwrap()
    }
}
