//! One authority with everything around it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use countersign_authority::{Config, build};
use countersign_intent::digest::Digest;
use countersign_intent::id::TenantId;
use countersign_intent::key::SigningKey;
use countersign_intent::token::{Floor, Intent, UnverifiedToken, Verified, Verifier};
use countersign_service::clock::Clock;
use countersign_service::credential::{KeyKind, SecretKey};
use countersign_service::random::Random;
use countersign_service::tasks::Tasks;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt as _;

use crate::enforcer::Enforcer;

/// Who has a bearer key here.
const AGENTS: [&str; 3] = ["remediator", "watcher", "wrecker"];
const OPERATORS: [&str; 4] = ["operator", "alice", "bob", "carol"];

pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) clock: Clock,
    pub(crate) enforcer: Enforcer,
    pub(crate) tasks: Tasks,
    router: Router,
}

/// An answer: status and body.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
}

impl Reply {
    /// The problem's code, which must come with `status`.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str) {
        assert_eq!(
            (self.status.as_u16(), self.body["code"].as_str()),
            (status, Some(code)),
            "{self:?}"
        );
    }

    /// The body, which must come with `status`.
    #[track_caller]
    pub(crate) fn ok(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self.body
    }
}

/// The bearer key of `name`: the same in every world.
pub(crate) fn key(name: &str) -> SecretKey {
    let seed = name.bytes().fold(7_u64, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(byte.into())
    });
    let kind = match name {
        "service" => KeyKind::Service,
        name if AGENTS.contains(&name) => KeyKind::Agent,
        _ => KeyKind::Operator,
    };
    SecretKey::generate(kind, &Random::seeded(seed))
}

/// The approver key of a person: the same in every world.
pub(crate) fn approver_key(name: &str) -> SigningKey {
    SigningKey::from_seed(Digest::of(name.as_bytes()).as_bytes()).unwrap()
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::watching(Duration::ZERO).await
    }

    /// An authority that looks at its policies folder every `every`.
    pub(crate) async fn watching(every: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies"),
            &folder.path().join("policies"),
        );
        more_people(folder.path());
        let clock = Clock::manual("2030-06-03T10:00:00Z".parse().unwrap());
        let tasks = Tasks::new();
        let enforcer = Enforcer::start(&clock, &tasks).await;
        let router = start(
            folder.path(),
            &clock,
            &enforcer,
            &tasks,
            Start {
                seed: 1,
                watch_every: every,
            },
        )
        .await;
        Self {
            folder,
            clock,
            enforcer,
            tasks,
            router,
        }
    }

    /// The same authority after its process ended and began again.
    pub(crate) async fn restarted(mut self) -> Self {
        self.router = Router::new();
        let start_again = Start {
            seed: 2,
            watch_every: Duration::ZERO,
        };
        self.router = start(
            self.folder.path(),
            &self.clock,
            &self.enforcer,
            &self.tasks,
            start_again,
        )
        .await;
        self
    }

    pub(crate) fn router(&self) -> &Router {
        &self.router
    }

    pub(crate) async fn call(&self, who: &str, method: &str, path: &str, body: &Value) -> Reply {
        let bytes = if body.is_null() {
            Vec::new()
        } else {
            serde_json::to_vec(body).unwrap()
        };
        self.send(who, method, path, bytes).await
    }

    pub(crate) async fn send(&self, who: &str, method: &str, path: &str, body: Vec<u8>) -> Reply {
        let mut request = Request::builder().method(method).uri(path);
        if !who.is_empty() {
            request = request.header("authorization", format!("Bearer {}", key(who).expose()));
        }
        let request = request.body(Body::from(body)).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or_default();
        Reply { status, body }
    }

    pub(crate) async fn get(&self, who: &str, path: &str) -> Value {
        self.call(who, "GET", path, &Value::Null).await.ok(200)
    }

    /// Submits a plan of these steps and gives its view.
    pub(crate) async fn submit(&self, who: &str, steps: Value) -> Value {
        self.call(
            who,
            "POST",
            "/v1/plans",
            &json!({"goal": "test", "steps": steps}),
        )
        .await
        .ok(201)
    }

    pub(crate) async fn token(&self, who: &str, plan: &Value, step: &str, body: Value) -> Reply {
        let plan = plan["plan_id"].as_str().unwrap();
        self.call(
            who,
            "POST",
            &format!("/v1/plans/{plan}/steps/{step}/token"),
            &body,
        )
        .await
    }

    pub(crate) async fn plan(&self, plan: &Value) -> Value {
        self.get(
            "operator",
            &format!("/v1/plans/{}", plan["plan_id"].as_str().unwrap()),
        )
        .await
    }

    /// Answers an approval as `who` over the plan's hash, signed if they may have to.
    pub(crate) async fn decide(
        &self,
        who: &str,
        plan: &Value,
        approval: &str,
        answer: &str,
    ) -> Reply {
        let hash: Digest = plan["plan_hash"].as_str().unwrap().parse().unwrap();
        let signature = countersign_intent::approval::sign(&approver_key(who), &hash);
        let body = json!({
            "decision": answer, "plan_hash": hash, "reason": "because", "signature": signature,
        });
        self.decide_with(who, approval, &body).await
    }

    pub(crate) async fn decide_with(&self, who: &str, approval: &str, body: &Value) -> Reply {
        self.call(
            who,
            "POST",
            &format!("/v1/approvals/{approval}/decision"),
            body,
        )
        .await
    }

    /// Opens a token as the enforcer does.
    pub(crate) async fn verify(&self, token: &str) -> Verified<Intent> {
        let jwks = self
            .call("", "GET", "/.well-known/jwks.json", &Value::Null)
            .await
            .ok(200);
        let set = serde_json::from_value(jwks).unwrap();
        let keys = countersign_intent::key::VerifyingKeys::from_jwks(&set).unwrap();
        let verifier = Verifier {
            issuer: countersign_authority::ISSUER.to_owned(),
            audience: countersign_authority::AUDIENCE.to_owned(),
            tenant: TenantId::single(),
        };
        let token = UnverifiedToken::new(token).unwrap();
        verifier
            .verify(token, &keys, self.clock.now(), Floor::default())
            .unwrap()
    }

    pub(crate) fn policies(&self) -> std::path::PathBuf {
        self.folder.path().join("policies")
    }

    /// Adds a policy that changes nothing but the bundle, and has the folder read again.
    pub(crate) async fn change_policies(&self) {
        let text = "@id(\"spare\") forbid(principal, action, resource) when { false };\n";
        fs::write(self.policies().join("site/spare.cedar"), text).unwrap();
        self.call("operator", "POST", "/v1/policies/reload", &Value::Null)
            .await
            .ok(200);
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.tasks.cancel();
    }
}

/// What differs between two starts.
struct Start {
    seed: u64,
    watch_every: Duration,
}

async fn start(
    folder: &Path,
    clock: &Clock,
    enforcer: &Enforcer,
    tasks: &Tasks,
    how: Start,
) -> Router {
    let mut config = Config::new(&folder.join("data"), &folder.join("policies"));
    config.enforcers = vec![enforcer.url().to_owned()];
    config.service_key = Some(key("service"));
    config.watch_every = how.watch_every;
    config.clock = clock.clone();
    config.random = Random::seeded(how.seed);
    build(config, tasks).await.unwrap()
}

/// Keys for everybody, in the overlay; two more people and an agent of the highest autonomy.
fn more_people(folder: &Path) {
    let append = |file: &str, text: &str| {
        let path = folder.join("policies").join(file);
        let before = fs::read_to_string(&path).unwrap();
        fs::write(&path, before + text).unwrap();
    };
    append(
        "agents.toml",
        "\n[[agent]]\nname = \"wrecker\"\nautonomy = \"automate-destructive\"\n",
    );
    append(
        "operators.toml",
        "\n[[operator]]\nname = \"carol\"\nroles = [\"approver\"]\n",
    );
    let overlay = folder.join("data/overlay");
    fs::create_dir_all(&overlay).unwrap();
    let agents: Vec<String> = AGENTS
        .iter()
        .map(|name| {
            format!(
                "[[agent]]\nname = \"{name}\"\nkey_sha256 = \"{}\"\n",
                key(name).hash()
            )
        })
        .collect();
    let operators: Vec<String> = OPERATORS
        .iter()
        .map(|name| {
            let public = approver_key(name).verifying_key().to_base64url();
            let hash = key(name).hash();
            format!(
                "[[operator]]\nname = \"{name}\"\nkey_sha256 = \"{hash}\"\napprover_key = \"{public}\"\n"
            )
        })
        .collect();
    fs::write(overlay.join("agents.toml"), agents.concat()).unwrap();
    fs::write(overlay.join("operators.toml"), operators.concat()).unwrap();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
