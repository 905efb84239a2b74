//! The counting upstream, as seen from a test.

use std::process::Command;

use reqwest::{Client, Method};
use serde_json::Value;
use tempfile::TempDir;

use super::eventually;
use super::process::Process;

/// A running counting upstream.
#[derive(Debug)]
pub(crate) struct Upstream {
    process: Process,
    calls: String,
    control: String,
    http: Client,
    _folder: TempDir,
}

/// What reached it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Log {
    /// Accepted connections.
    pub(crate) connections: u64,
    /// Requests that were read whole, oldest first.
    pub(crate) requests: Vec<Value>,
}

impl Upstream {
    /// Starts one that answers.
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ready.json");
        let mut command = Command::new(env!("CARGO_BIN_EXE_counting-upstream"));
        command.arg(&file);
        let mut process = Process::spawn(command, &folder.path().join("log"));
        let ready = process.ready(&file).await;
        let address = |name: &str| ready[name].as_str().unwrap().to_owned();
        Self {
            process,
            calls: address("calls"),
            control: address("control"),
            http: countersign_service::client::internal().unwrap(),
            _folder: folder,
        }
    }

    /// Where it takes calls.
    pub(crate) fn url(&self) -> &str {
        &self.calls
    }

    /// What reached it until now.
    pub(crate) async fn log(&self) -> Log {
        let log = self.ask(Method::GET, "/log").await;
        Log {
            connections: log["connections"].as_u64().unwrap(),
            requests: log["requests"].as_array().unwrap().clone(),
        }
    }

    /// How many requests reached it until now.
    pub(crate) async fn count(&self) -> usize {
        self.log().await.requests.len()
    }

    /// Waits until `count` requests reached it.
    pub(crate) async fn reached(&self, count: usize) {
        eventually(
            &format!("{count} requests at the upstream"),
            super::SOON,
            async || (self.count().await >= count).then_some(()),
        )
        .await;
    }

    /// Switches to `answer`, `hang` or `close`.
    pub(crate) async fn mode(&self, mode: &str) {
        self.ask(Method::PUT, &format!("/mode/{mode}")).await;
    }

    /// Ends it: from now on its port refuses connections.
    pub(crate) fn stop(&mut self) {
        self.process.kill();
    }

    async fn ask(&self, method: Method, path: &str) -> Value {
        let answer = self
            .http
            .request(method, format!("{}{path}", self.control))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.json().await.unwrap()
    }
}
