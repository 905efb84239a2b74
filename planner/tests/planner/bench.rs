//! A planner to be tested, with a database of its own.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use countersign_planner::{Config, ModelConfig, Pace, RunbookUse};
use countersign_service::clock::Clock;
use countersign_service::credential::{SecretHash, SecretKey};
use countersign_service::database::sqlite_url;
use countersign_service::directory::{Directory, SharedDirectory, Sources};
use countersign_service::random::Random;
use countersign_service::server::Isolation;
use countersign_service::tasks::Tasks;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt as _;

use crate::fake::Fake;

pub(crate) const AGENT_KEY: &str = "cs_agent_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
pub(crate) const OPERATOR_KEY: &str = "cs_op_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB";

/// How long a test waits for something that must happen.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Bench {
    pub(crate) fake: Fake,
    pub(crate) router: Router,
    pub(crate) tasks: Tasks,
    pub(crate) folder: TempDir,
    url: String,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
}

fn directory() -> SharedDirectory {
    let agents = format!(
        "[[agent]]\nname = \"remediator\"\nautonomy = \"automate-safe\"\nkey_sha256 = \"{}\"\n",
        SecretHash::of(AGENT_KEY)
    );
    let operators = format!(
        "[[operator]]\nname = \"operator\"\nroles = [\"operator\"]\nkey_sha256 = \"{}\"\n",
        SecretHash::of(OPERATOR_KEY)
    );
    let sources = Sources {
        agents: &agents,
        operators: &operators,
        agents_overlay: None,
        operators_overlay: None,
    };
    SharedDirectory::new(Directory::parse(sources).unwrap())
}

/// Waits that suit a world that changes at once.
pub(crate) fn pace() -> Pace {
    Pace {
        look: Duration::from_millis(10),
        check: Duration::from_millis(200),
        verify: Duration::from_millis(300),
        settle: Duration::from_millis(100),
        approval: Duration::from_millis(20),
        patience: Duration::from_millis(400),
        run: Duration::from_secs(20),
    }
}

pub(crate) fn config(folder: &TempDir, url: &str, database: &str) -> Config {
    Config {
        database_url: sqlite_url(&folder.path().join(database)),
        authority_url: url.to_owned(),
        enforcer_url: url.to_owned(),
        agent: "remediator".parse().unwrap(),
        agent_key: SecretKey::from_text(AGENT_KEY),
        directory: directory(),
        service_key: None,
        runbooks: RunbookUse::On,
        runbooks_dir: None,
        model: None,
        pace: pace(),
        isolation: Isolation::OwnProcess,
        clock: Clock::system(),
        random: Random::seeded(7),
    }
}

impl Bench {
    pub(crate) async fn new() -> Self {
        Self::with(|config| config).await
    }

    pub(crate) async fn with_model(model: ModelConfig) -> Self {
        Self::with(|config| Config {
            runbooks: RunbookUse::Off,
            model: Some(model),
            ..config
        })
        .await
    }

    pub(crate) async fn with(change: impl FnOnce(Config) -> Config) -> Self {
        let fake = Fake::new();
        let url = fake.serve().await;
        let folder = tempfile::tempdir().unwrap();
        let tasks = Tasks::new();
        let config = change(config(&folder, &url, "planner.db"));
        let router = countersign_planner::build(config, &tasks).await.unwrap();
        Self {
            fake,
            router,
            tasks,
            folder,
            url,
        }
    }

    /// Another planner on the database file `database` of the same folder.
    pub(crate) async fn another(&self, database: &str) -> (Router, Tasks) {
        let tasks = Tasks::new();
        let config = config(&self.folder, &self.url, database);
        (
            countersign_planner::build(config, &tasks).await.unwrap(),
            tasks,
        )
    }

    pub(crate) async fn run(&self, goal: &str) -> Value {
        let answer = post(&self.router, "/run", &json!({"input": goal})).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.body
    }

    pub(crate) async fn start(&self, goal: &str) -> String {
        let answer = post(&self.router, "/v1/runs", &json!({"goal": goal})).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.body);
        answer.body["run_id"].as_str().unwrap().to_owned()
    }
}

/// Sends a request with the operator's key.
pub(crate) async fn send(
    router: &Router,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Answer {
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {OPERATOR_KEY}"))
        .body(body)
        .unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    Answer {
        status,
        body: serde_json::from_slice(&bytes).unwrap_or_default(),
    }
}

pub(crate) async fn post(router: &Router, path: &str, body: &Value) -> Answer {
    send(router, Method::POST, path, Some(body)).await
}

pub(crate) async fn get(router: &Router, path: &str) -> Value {
    send(router, Method::GET, path, None).await.body
}

/// Reads the run until `wanted` holds.
pub(crate) async fn until(router: &Router, run: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let path = format!("/v1/runs/{run}");
    let reading = async {
        loop {
            let view = get(router, &path).await;
            if wanted(&view) {
                return view;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    if let Ok(view) = tokio::time::timeout(PATIENCE, reading).await {
        return view;
    }
    panic!("the run did not get there: {}", get(router, &path).await)
}

pub(crate) async fn until_state(router: &Router, run: &str, state: &str) -> Value {
    until(router, run, |view| view["state"] == json!(state)).await
}

pub(crate) async fn until_ended(router: &Router, run: &str) -> Value {
    until(router, run, |view| view.get("finished_at").is_some()).await
}
