//! A journal on a fresh database, with an authority's key to issue tokens for it.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use countersign_intent::catalogue::Catalogue;
use countersign_intent::digest::Digest;
use countersign_intent::id::{IntentId, PlanId, TenantId};
use countersign_intent::key::{JwkSet, SigningKey};
use countersign_intent::render::render;
use countersign_intent::token::{Floor, Intent, ToolCall, UnverifiedToken, Use, Verifier, sign};
use countersign_service::clock::Clock;
use countersign_service::database::{Engine, sqlite_url};
use countersign_service::events::Hub;
use countersign_service::faults::Faults;
use countersign_service::random::Random;
use countersign_service::tasks::Tasks;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use test_support::Postgres;
use tokio_util::task::TaskTracker;
use zeroize::Zeroizing;

use crate::approved::Approved;
use crate::config::CALLS_KEPT;
use crate::control::{Control, ControlDocument, Snapshot};
use crate::journal::open::{Opened, open};
use crate::journal::writer::Writer;
use crate::journal::{Journal, server};
use crate::receipts::Signer;

pub(super) const START: i64 = 1_800_000_000;
pub(super) const BOTH: [Engine; 2] = [Engine::Sqlite, Engine::Postgres];

const TOOLS: &str = include_str!("../../../tests/it/tools.toml");

/// One server for all tests of this program.
pub(super) fn postgres() -> &'static Postgres {
    static SERVER: OnceLock<Postgres> = OnceLock::new();
    SERVER.get_or_init(Postgres::start)
}

/// A database with its data folder, and everybody around it.
pub(super) struct Desk {
    pub(super) folder: TempDir,
    pub(super) url: String,
    pub(super) clock: Clock,
    pub(super) random: Random,
    pub(super) control: Control,
    pub(super) calls_kept: Duration,
    key: SigningKey,
    catalogue: Catalogue,
}

/// What a token is for.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) tool: &'static str,
    /// The service or database.
    pub(super) target: String,
    pub(super) plan: PlanId,
    pub(super) step: String,
}

impl Desk {
    pub(super) fn new(engine: Engine) -> Self {
        let url = |folder: &TempDir| match engine {
            Engine::Sqlite => sqlite_url(&folder.path().join("enforcer.db")),
            Engine::Postgres => postgres().database(),
        };
        Self::at(url, Clock::manual(Timestamp::from_second(START).unwrap()))
    }

    pub(super) fn at(url: impl FnOnce(&TempDir) -> String, clock: Clock) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = SigningKey::from_seed(&[1; 32]).unwrap();
        let desk = Self {
            url: url(&folder),
            folder,
            clock,
            random: Random::system(),
            control: Control::default(),
            calls_kept: CALLS_KEPT,
            key,
            catalogue: Catalogue::parse(&[("tools.toml".to_owned(), TOOLS.to_owned())]).unwrap(),
        };
        desk.hear();
        desk
    }

    /// The authority is heard, now.
    pub(super) fn hear(&self) {
        let document = ControlDocument {
            generation: 1,
            policy_epoch: 1,
            entries: Vec::new(),
            keys: JwkSet {
                keys: vec![self.key.verifying_key().to_jwk()],
            },
            at: self.clock.now(),
        };
        self.control.replace(Snapshot::new(document).unwrap());
        self.control.confirm(self.clock.monotonic());
    }

    /// A new process on the database; its writer is not running yet.
    pub(super) async fn open(&self) -> (Journal, Writer) {
        self.open_in(self.folder.path()).await
    }

    /// The same with a data folder of its own, as another replica has.
    pub(super) async fn open_in(&self, data: &std::path::Path) -> (Journal, Writer) {
        let signer = Signer::load(&data.join("keys"), "enforcer", &self.random).unwrap();
        open(Opened {
            database_url: &self.url,
            data,
            origin: "countersign/enforcer/enforcer",
            tenant: &TenantId::single(),
            signer,
            control: self.control.clone(),
            clock: self.clock.clone(),
            random: self.random.clone(),
            hub: Hub::new(self.clock.clone()),
            faults: Faults::none(),
            calls_kept: self.calls_kept,
        })
        .await
        .unwrap()
    }

    /// A new process on the database that works until `tasks` are cancelled.
    pub(super) async fn run(&self, tasks: &Tasks) -> Journal {
        self.run_in(self.folder.path(), tasks).await
    }

    pub(super) async fn run_in(&self, data: &std::path::Path, tasks: &Tasks) -> Journal {
        let (journal, writer) = self.open_in(data).await;
        drop(tasks.spawn("journal", writer.run(tasks.token(), TaskTracker::new())));
        let remembering = server::remember(journal.clone(), data.to_owned());
        drop(tasks.spawn_until_cancelled("high-water", remembering));
        journal
    }

    /// Whether no process holds the database's file.
    pub(super) fn is_free(&self) -> bool {
        let path = self.folder.path().join("enforcer.db.lock");
        std::fs::File::open(path).is_ok_and(|file| file.try_lock().is_ok()) || !self.is_file()
    }

    fn is_file(&self) -> bool {
        self.url.starts_with("sqlite:")
    }

    pub(super) fn plan(&self) -> PlanId {
        PlanId::mint(self.clock.now(), self.random.bytes())
    }

    /// Something to do to `target`, in a plan of its own.
    pub(super) fn ask(&self, tool: &'static str, target: impl Into<String>) -> Ask {
        Ask {
            tool,
            target: target.into(),
            plan: self.plan(),
            step: "s1".to_owned(),
        }
    }

    /// A call whose token was issued now and went through every check.
    pub(super) fn approved(&self, ask: &Ask) -> Arc<Approved> {
        let tool = self.catalogue.get(&ask.tool.parse().unwrap()).unwrap();
        let params = params(ask);
        let checked = tool.params(params.clone()).unwrap();
        let now = self.clock.now();
        let intent = Intent {
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
                params_sha256: checked.digest(),
                definition_sha256: tool.definition_sha256(),
                request_sha256: render(tool, &checked).unwrap().digest(),
                use_: Use::Once,
            }],
            tenant: TenantId::single(),
            plan: ask.plan.clone(),
            plan_sha256: Digest::of(b"plan"),
            step: ask.step.parse().unwrap(),
            policy: Digest::of(b"bundle"),
            policy_epoch: 1,
            approvals: None,
            precondition: None,
            cnf: None,
        };
        let text = sign(&self.key, &intent);
        let verifier = Verifier {
            issuer: "authority".to_owned(),
            audience: "enforcer".to_owned(),
            tenant: TenantId::single(),
        };
        let token = UnverifiedToken::new(&text).unwrap();
        let keys = self.control.snapshot().unwrap().keys().clone();
        let genuine = verifier
            .verify(token, &keys, now, Floor::default())
            .unwrap();
        let call = genuine.match_call(&intent.sub, tool, params).unwrap();
        Arc::new(Approved {
            call,
            token_sha256: Digest::of(text.as_bytes()),
            token: Zeroizing::new(text),
            effect: tool.effect,
            resource: format!("Service::\"{}\"", ask.target),
            timeout: tool.timeout,
            resend: None,
            probe: None,
        })
    }
}

fn params(ask: &Ask) -> Map<String, Value> {
    let value = match ask.tool {
        "infra.scale" => json!({ "service_id": ask.target, "replicas": 4 }),
        "data.wipe" => json!({ "db_id": ask.target }),
        _ => json!({ "service_id": ask.target }),
    };
    value.as_object().unwrap().clone()
}

/// Waits for what `seen` looks for, half a minute at most.
pub(super) async fn eventually<T>(what: &str, mut seen: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..3_000 {
        if let Some(found) = seen().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what} did not come about");
}
