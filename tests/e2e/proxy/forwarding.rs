//! `countersign forward` as a process, and `curl`-like requests through it.

use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::installation::Installation;
use crate::harness::process::{Process, countersign};
use crate::harness::world::{send, text, texts};

/// A running `countersign forward`.
#[derive(Debug)]
pub(super) struct Forwarding {
    process: Process,
    url: String,
    folder: TempDir,
}

impl Forwarding {
    /// To `upstream` of `installation`, with further arguments.
    pub(super) async fn start(installation: &Installation, upstream: &str, more: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ready = folder.path().join("ready.json");
        let mut command = countersign();
        command
            .args(["forward", upstream, "--listen", "127.0.0.1:0"])
            .args(more);
        command.arg("--ready-file").arg(&ready);
        command.arg("--data").arg(installation.data());
        command.current_dir(folder.path());
        let mut process = Process::spawn(command, &folder.path().join("log"));
        let ready = process.ready(&ready).await;
        Self {
            process,
            url: text(&ready, "/forward").to_owned(),
            folder,
        }
    }

    /// Where it listens.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// A folder that goes with it.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it printed.
    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

#[tokio::test]
async fn forwarded_requests_are_planned_approved_and_run() {
    let demo = Installation::demo().await;
    let mut forwarding = Forwarding::start(&demo, "cloud", &["--wait", "1"]).await;
    let http = countersign_service::client::internal().unwrap();
    let request = |method, path: &str| http.request(method, format!("{}{path}", forwarding.url()));

    for _ in 0..3 {
        let service = send(request(Method::GET, "/v1/services/payments"))
            .await
            .with(200);
        assert_eq!(service["id"], "payments", "{service:#}");
    }
    let plans = demo
        .get("authority", "/v1/plans", demo.agent("remediator"))
        .await
        .with(200);
    assert_eq!(
        plans["plans"].as_array().unwrap().len(),
        1,
        "reads share a lease: {plans:#}"
    );

    let scale = |replicas: u64| {
        request(Method::POST, "/v1/services/payments/scale").json(&json!({"replicas": replicas}))
    };
    for replicas in [4, 5] {
        let answer = scale(replicas).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["intent-outcome"], "done");
        assert_eq!(demo.service("payments").await["replicas"], replicas);
    }

    let wipe =
        request(Method::POST, "/v1/databases/prod_db/wipe").json(&json!({"confirm": "prod_db"}));
    let denied = send(wipe).await.refused(403, "plan_denied");
    assert!(
        texts(&denied["policies"]).contains(&"data-is-sacred"),
        "{denied:#}"
    );

    // Nobody approves in time; the same request goes on with the same plan afterwards.
    let waiting = send(scale(30)).await.refused(403, "approval_missing");
    let plan = text(&waiting, "/plan_id").to_owned();
    let view = demo.plan(&plan).await;
    let approval = text(&view, "/steps/0/approval_id").to_owned();
    assert!(forwarding.log().contains(&approval), "{}", forwarding.log());
    assert_eq!(demo.service("payments").await["replicas"], 5);
    let decision =
        json!({"decision": "approve", "plan_hash": view["plan_hash"], "reason": "a test"});
    demo.decide(&approval, "alice", &decision).await.with(200);
    assert_eq!(scale(30).send().await.unwrap().status(), 200);
    assert_eq!(demo.service("payments").await["replicas"], 30);

    for path in ["/v1/nothing", "/v1/services/payments/explode"] {
        send(request(Method::POST, path))
            .await
            .refused(404, "tool_unknown");
    }
    let page = scale(3).header("origin", "https://evil.example");
    send(page).await.refused(403, "forbidden");
    let rebound = scale(3).header("host", "evil.example");
    send(rebound).await.refused(403, "forbidden");
    assert_eq!(demo.service("payments").await["replicas"], 30);

    forwarding.process.ask_to_end();
    assert!(forwarding.process.ended().await.success());
}

#[tokio::test]
async fn agent_with_a_registered_key_proves_every_request() {
    let mut demo = Installation::demo().await;
    demo.kill();
    demo.command(&["keys", "generate", "--demo", "--proof", "remediator"])
        .with(0);
    demo.start_again().await;
    let key = demo.data().join("keys/proof-remediator.jwk");
    let forwarding =
        Forwarding::start(&demo, "cloud", &["--proof-key", key.to_str().unwrap()]).await;
    let http = countersign_service::client::internal().unwrap();
    let url = |forwarding: &Forwarding, path: &str| format!("{}{path}", forwarding.url());
    for _ in 0..2 {
        let read = http.get(url(&forwarding, "/v1/services/payments"));
        send(read).await.with(200);
    }
    let scale = |forwarding: &Forwarding| {
        let path = url(forwarding, "/v1/services/payments/scale");
        http.post(path).json(&json!({"replicas": 4}))
    };
    send(scale(&forwarding)).await.with(200);
    assert_eq!(demo.service("payments").await["replicas"], 4);

    let without = Forwarding::start(&demo, "cloud", &[]).await;
    send(scale(&without)).await.refused(401, "agent_proof");
}

#[tokio::test]
async fn addresses_that_others_reach_and_names_that_are_none_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        ["cloud", "--listen", "0.0.0.0:0"],
        ["cloud", "--listen", "10.0.0.1:80"],
        ["../calls", "--listen", "127.0.0.1:0"],
        ["a%2fb", "--listen", "127.0.0.1:0"],
    ] {
        let all = [&["forward"], &arguments[..]].concat();
        crate::harness::command::run(&all, folder.path()).with(64);
    }
}

/// A raw request whose path a client library would have mended.
#[tokio::test]
async fn no_path_leaves_the_proxy_door() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let demo = Installation::demo().await;
    let forwarding = Forwarding::start(&demo, "cloud", &[]).await;
    let address = forwarding.url().trim_start_matches("http://").to_owned();
    for path in [
        "/../../v1/calls",
        "/%2e%2e/%2e%2e/v1/calls",
        "/v1/services/..",
        "/v1\\services",
    ] {
        let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 400"), "{path}: {answer}");
    }
    let calls: Value = demo
        .get("enforcer", "/v1/calls", demo.person("operator"))
        .await
        .with(200);
    assert_eq!(calls["calls"], json!([]));
}
