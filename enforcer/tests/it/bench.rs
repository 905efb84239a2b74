//! An enforcer on a fresh data folder, with its clock, its upstream, its authority's key and its people.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_enforcer::{CALLS_KEPT, Ceilings, Config, Upstream as UpstreamConfig, build};
use countersign_intent::catalogue::Catalogue;
use countersign_intent::digest::Digest;
use countersign_intent::id::{IntentId, PlanId, TenantId};
use countersign_intent::jws;
use countersign_intent::key::SigningKey;
use countersign_intent::render::render;
use countersign_intent::token::{Intent, ToolCall, Use, sign};
use countersign_intent::tool::Effect;
use countersign_service::clock::Clock;
use countersign_service::credential::{SecretHash, SecretKey};
use countersign_service::database::sqlite_url;
use countersign_service::faults::Faults;
use countersign_service::random::Random;
use countersign_service::server::Isolation;
use countersign_service::tasks::Tasks;
use http::{Request, StatusCode};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tower::ServiceExt as _;

use crate::upstream::Upstream;

/// The enforcer's clock at the start, in seconds.
pub(crate) const START: i64 = 1_800_000_000;
pub(crate) const AGENT: &str = "cs_agent_remediator";
pub(crate) const OTHER_AGENT: &str = "cs_agent_watcher";
/// An agent that registered the key of [`prover_key`].
pub(crate) const PROVER: &str = "cs_agent_prover";
pub(crate) const OPERATOR: &str = "cs_op_operator";
pub(crate) const SECOND: &str = "cs_op_second";
pub(crate) const SERVICE: &str = "cs_svc_shared";
pub(crate) const CREDENTIAL: &str = "cs_up_credential-of-the-upstream";

const TOOLS: &str = include_str!("tools.toml");

/// An enforcer under test.
pub(crate) struct Bench {
    pub(crate) router: Router,
    pub(crate) upstream: Upstream,
    pub(crate) clock: Clock,
    /// The enforcer's tasks.
    pub(crate) tasks: Tasks,
    /// Everything else's: it lives on when the enforcer ends.
    pub(crate) world: Tasks,
    pub(crate) key: SigningKey,
    pub(crate) alice: SigningKey,
    pub(crate) bob: SigningKey,
    pub(crate) random: Random,
    pub(crate) folder: TempDir,
}

/// An answer: its status and its JSON.
pub(crate) type Answer = (StatusCode, Value);

impl Bench {
    /// Started, with an upstream, under control generation 1.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tasks = Tasks::new();
        let world = Tasks::new();
        let upstream = Upstream::start(&world).await;
        let clock = Clock::manual(Timestamp::from_second(START).unwrap());
        let random = Random::seeded(7);
        let seed = |byte| SigningKey::from_seed(&[byte; 32]).unwrap();
        let (key, alice, bob) = (seed(1), seed(2), seed(3));
        policies(folder.path(), &alice, &bob);
        let mut config = config(folder.path(), &upstream, &clock);
        change(&mut config);
        let router = build(config, &tasks).await.unwrap().router;
        let bench = Self {
            router,
            upstream,
            clock,
            tasks,
            world,
            key,
            alice,
            bob,
            random,
            folder,
        };
        let (status, _) = bench.put_control(&bench.control(1, &json!([]))).await;
        assert_eq!(status, StatusCode::OK);
        bench
    }

    /// A control document that trusts the authority's key.
    pub(crate) fn control(&self, generation: u64, entries: &Value) -> Value {
        json!({
            "generation": generation,
            "policy_epoch": 1,
            "entries": entries,
            "keys": {"keys": [self.key.verifying_key().to_jwk()]},
            "at": self.clock.now(),
        })
    }

    pub(crate) async fn put_control(&self, document: &Value) -> Answer {
        self.ask("PUT", "/v1/control", SERVICE, Some(document))
            .await
    }

    /// What the authority would approve: `tool` with `params` for `remediator`, for a minute from now.
    pub(crate) fn intent(&self, tool: &str, params: &Value) -> Intent {
        let catalogue = Catalogue::parse(&tools(self.folder.path())).unwrap();
        let tool = catalogue.get(&tool.parse().unwrap()).unwrap();
        let params = tool.params(object(params)).unwrap();
        let now = self.clock.now();
        Intent {
            iss: "authority".to_owned(),
            sub: "remediator".parse().unwrap(),
            aud: "enforcer".to_owned(),
            iat: now.as_second(),
            nbf: now.as_second(),
            exp: now.as_second() + 60,
            jti: IntentId::mint(now, self.random.bytes()),
            authorization_details: [ToolCall {
                type_: "tool_call".to_owned(),
                tool: tool.name.clone(),
                params_sha256: params.digest(),
                definition_sha256: tool.definition_sha256(),
                request_sha256: render(tool, &params).unwrap().digest(),
                use_: if tool.effect == Effect::Read {
                    Use::Lease
                } else {
                    Use::Once
                },
            }],
            tenant: TenantId::single(),
            plan: PlanId::mint(now, self.random.bytes()),
            plan_sha256: Digest::of(b"plan"),
            step: "s1".parse().unwrap(),
            policy: Digest::of(b"bundle"),
            policy_epoch: 1,
            approvals: None,
            precondition: None,
            cnf: None,
        }
    }

    /// A token for scaling `payments` to 4.
    pub(crate) fn scale(&self) -> String {
        self.sign(&self.intent("infra.scale", &scale_params()))
    }

    pub(crate) fn sign(&self, intent: &Intent) -> String {
        sign(&self.key, intent)
    }

    /// A JWS of any header and claims, signed with the authority's key.
    pub(crate) fn seal(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let mut text = format!("{}.{}", part(header), part(claims));
        let signature = self.key.sign(text.as_bytes());
        write!(text, ".{}", URL_SAFE_NO_PAD.encode(signature)).unwrap();
        text
    }

    /// The header of a genuine token.
    pub(crate) fn header(&self) -> Value {
        json!({"alg": "EdDSA", "kid": self.key.kid(), "typ": "intent+jwt"})
    }

    /// `POST /v1/calls` as `remediator`.
    pub(crate) async fn call(&self, token: &str, tool: &str, params: &Value) -> Answer {
        let body = json!({"tool": tool, "params": params}).to_string();
        self.post_call(Some(token), Some(AGENT), &[], body).await
    }

    pub(crate) async fn post_call(
        &self,
        token: Option<&str>,
        agent: Option<&str>,
        headers: &[(&str, &str)],
        body: String,
    ) -> Answer {
        let mut request = Request::post("/v1/calls");
        if let Some(token) = token {
            request = request.header("intent-token", token);
        }
        if let Some(agent) = agent {
            request = request.header("authorization", format!("Bearer {agent}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    /// Any request with a bearer key.
    pub(crate) async fn ask(
        &self,
        method: &str,
        path: &str,
        key: &str,
        body: Option<&Value>,
    ) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {key}"));
        let body = body.map(Value::to_string).unwrap_or_default();
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        answer(self.router.clone(), request).await
    }

    /// The calls that the journal knows, newest first.
    pub(crate) async fn calls(&self) -> Vec<Value> {
        let (status, body) = self.ask("GET", "/v1/calls?limit=500", OPERATOR, None).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        body["calls"].as_array().unwrap().clone()
    }

    /// The same data folder with a new process's state, after this one has ended.
    pub(crate) async fn restart(self) -> Self {
        let Self {
            router,
            upstream,
            clock,
            tasks,
            world,
            key,
            alice,
            bob,
            random,
            folder,
        } = self;
        drop(router);
        tasks.cancel();
        let tasks = Tasks::new();
        let config = config(folder.path(), &upstream, &clock);
        let router = reopen(config, &tasks).await;
        Self {
            router,
            upstream,
            clock,
            tasks,
            world,
            key,
            alice,
            bob,
            random,
            folder,
        }
    }
}

/// Builds an enforcer on a folder that an earlier one may still be leaving.
pub(crate) async fn reopen(config: Config, tasks: &Tasks) -> Router {
    for _ in 0..200 {
        if let Ok(enforcer) = build(config.clone(), tasks).await {
            return enforcer.router;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    build(config, tasks).await.unwrap().router
}

pub(crate) async fn answer(router: Router, request: Request<Body>) -> Answer {
    let response = router.oneshot(request).await.unwrap();
    let status = response.status();
    let bytes = to_bytes(response.into_body(), 4 << 20).await.unwrap();
    (
        status,
        serde_json::from_slice(&bytes).unwrap_or(Value::Null),
    )
}

pub(crate) fn config(folder: &Path, upstream: &Upstream, clock: &Clock) -> Config {
    Config {
        issuer: "authority".to_owned(),
        audience: "enforcer".to_owned(),
        tenant: TenantId::single(),
        data: folder.join("data"),
        policies: folder.join("policies"),
        overlay: None,
        database_url: sqlite_url(&folder.join("enforcer.db")),
        authority: None,
        service_key: SecretKey::from_text(SERVICE),
        upstreams: vec![UpstreamConfig {
            credential: Some(SecretKey::from_text(CREDENTIAL)),
            ..UpstreamConfig::new(
                "cloud",
                format!("http://{}", upstream.address).parse().unwrap(),
            )
        }],
        ceilings: Ceilings::default(),
        lock_wait: Duration::from_millis(500),
        free_space: 0,
        calls_kept: CALLS_KEPT,
        isolation: Isolation::OwnProcess,
        clock: clock.clone(),
        random: Random::system(),
        faults: Faults::none(),
    }
}

/// The tool files of the policies folder.
fn tools(folder: &Path) -> Vec<(String, String)> {
    let files = std::fs::read_dir(folder.join("policies/tools")).unwrap();
    let file = |path: std::path::PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        (path.display().to_string(), text)
    };
    files.map(|entry| file(entry.unwrap().path())).collect()
}

fn policies(folder: &Path, alice: &SigningKey, bob: &SigningKey) {
    let policies = folder.join("policies");
    std::fs::create_dir_all(policies.join("tools")).unwrap();
    std::fs::create_dir_all(folder.join("data")).unwrap();
    std::fs::write(policies.join("tools/tools.toml"), TOOLS).unwrap();
    let mut agents = String::new();
    for (name, key) in [("remediator", AGENT), ("watcher", OTHER_AGENT)] {
        let hash = SecretHash::of(key);
        writeln!(
            agents,
            "[[agent]]\nname = \"{name}\"\nautonomy = \"automate-destructive\"\nkey_sha256 = \"{hash}\""
        )
        .unwrap();
    }
    let hash = SecretHash::of(PROVER);
    let public = prover_key().verifying_key().to_base64url();
    writeln!(
        agents,
        "[[agent]]\nname = \"prover\"\nautonomy = \"automate-safe\"\nkey_sha256 = \"{hash}\"\n\
         public_key = \"{public}\""
    )
    .unwrap();
    std::fs::write(policies.join("agents.toml"), agents).unwrap();
    let hash = SecretHash::of(OPERATOR);
    let second = SecretHash::of(SECOND);
    let operators = format!(
        "[[operator]]\nname = \"operator\"\nroles = [\"operator\"]\nkey_sha256 = \"{hash}\"\n\
         [[operator]]\nname = \"second\"\nroles = [\"operator\"]\nkey_sha256 = \"{second}\"\n\
         [[operator]]\nname = \"alice\"\nroles = [\"approver\"]\napprover_key = \"{}\"\n\
         [[operator]]\nname = \"bob\"\nroles = [\"approver\"]\napprover_key = \"{}\"\n",
        alice.verifying_key().to_base64url(),
        bob.verifying_key().to_base64url(),
    );
    std::fs::write(policies.join("operators.toml"), operators).unwrap();
}

/// The key with which the agent `prover` proves that a request is its own.
pub(crate) fn prover_key() -> SigningKey {
    SigningKey::from_seed(&[4; 32]).unwrap()
}

/// The receipt that an answer carries, as its claims.
pub(crate) fn receipt_of(body: &Value) -> Value {
    jws::peek(body["receipt"].as_str().unwrap()).unwrap()
}

pub(crate) fn scale_params() -> Value {
    json!({"service_id": "payments", "replicas": 4})
}

pub(crate) fn object(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}
