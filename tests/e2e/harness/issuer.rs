//! An authority reduced to its key: it says which keys count, signs tokens for what a test wants, and takes
//! receipts. Fault tests use it where the authority itself is not what is tested.

use std::path::Path;
use std::sync::{Arc, Mutex};

use countersign_intent::catalogue::Catalogue;
use countersign_intent::digest::Digest;
use countersign_intent::id::{IntentId, PlanId};
use countersign_intent::key::SigningKey;
use countersign_intent::render::render;
use countersign_intent::tool::Effect;
use countersign_service::random::Random;
use countersign_service::tasks::Tasks;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::forge;

/// The key that roles show each other.
pub(crate) const SERVICE: &str = "cs_svc_a-key-of-the-fault-tests";
/// The one agent.
pub(crate) const AGENT: &str = "cs_agent_a-key-of-the-fault-tests";
/// The one operator.
pub(crate) const OPERATOR: &str = "cs_op_a-key-of-the-fault-tests";
/// Life of a token, in seconds.
const LIFE: i64 = 300;

/// A running issuer. Clones share it; it ends with the test's runtime.
#[derive(Clone, Debug)]
pub(crate) struct Issuer {
    url: String,
    key: Arc<SigningKey>,
    catalogue: Arc<Catalogue>,
    random: Random,
    tasks: Tasks,
    heard: Arc<Mutex<Heard>>,
}

#[derive(Debug)]
struct Heard {
    receipts: Vec<String>,
    started: Timestamp,
}

/// A token and the one call that it is for.
#[derive(Clone, Debug)]
pub(crate) struct Ticket {
    pub(crate) jti: String,
    pub(crate) token: String,
    pub(crate) tool: String,
    pub(crate) params: Value,
    pub(crate) params_sha256: String,
    pub(crate) request_sha256: String,
    /// What must reach the upstream: method, path and the hash of the body.
    pub(crate) wire: [String; 3],
}

impl Issuer {
    /// Starts one that knows the shipped tools.
    pub(crate) async fn start() -> Self {
        let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", door.local_addr().unwrap());
        let issuer = Self {
            url,
            key: Arc::new(SigningKey::from_seed(&[42; 32]).unwrap()),
            catalogue: Arc::new(catalogue(&super::policies().join("tools"))),
            random: Random::system(),
            tasks: Tasks::new(),
            heard: Arc::new(Mutex::new(Heard {
                receipts: Vec::new(),
                started: now(),
            })),
        };
        let serving = issuer.clone();
        let each = issuer.tasks.clone();
        drop(issuer.tasks.spawn("issuer", async move {
            while let Ok((stream, _)) = door.accept().await {
                let issuer = serving.clone();
                drop(each.spawn("request", async move { issuer.serve(stream).await }));
            }
        }));
        issuer
    }

    /// Where enforcers ask for control.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Its public key, as a JWK set.
    pub(crate) fn jwks(&self) -> Value {
        json!({"keys": [self.key.verifying_key().to_jwk()]})
    }

    /// The receipts that came until now.
    pub(crate) fn receipts(&self) -> Vec<String> {
        self.heard.lock().unwrap().receipts.clone()
    }

    /// A token for scaling a service.
    pub(crate) fn scaling(&self, service: &str) -> Ticket {
        self.ticket(
            "infra.scale",
            json!({"service_id": service, "replicas": 4}),
            "enforcer",
        )
    }

    /// A token for one call, for the enforcers named `audience`.
    pub(crate) fn ticket(&self, tool: &str, params: Value, audience: &str) -> Ticket {
        let tool = self.catalogue.get(&tool.parse().unwrap()).unwrap();
        let read = tool.params(params.as_object().unwrap().clone()).unwrap();
        let call = render(tool, &read).unwrap();
        let (at, random) = (now(), || self.random.bytes());
        let jti = IntentId::mint(at, random()).to_string();
        let (params_sha256, request_sha256) = (read.digest(), call.digest());
        let usage = match tool.effect {
            Effect::Read => "lease",
            Effect::Service | Effect::Destructive | Effect::Data => "once",
        };
        let claims = json!({
            "iss": "countersign", "sub": "remediator", "aud": audience,
            "iat": at.as_second(), "nbf": at.as_second(), "exp": at.as_second() + LIFE,
            "jti": jti, "tenant": "default",
            "authorization_details": [{
                "type": "tool_call", "tool": tool.name, "params_sha256": params_sha256,
                "definition_sha256": tool.definition_sha256(), "request_sha256": request_sha256,
                "use": usage,
            }],
            "plan": PlanId::mint(at, random()), "plan_sha256": Digest::of(b"a plan"), "step": "s1",
            "policy": Digest::of(b"a bundle"), "policy_epoch": 1,
        });
        let body = call.body_bytes().unwrap_or_default();
        Ticket {
            token: forge::sign(&self.key, &forge::header(&self.key), &claims.to_string()),
            jti,
            tool: tool.name.to_string(),
            wire: [
                call.method.clone(),
                call.target(),
                Digest::of(&body).to_string(),
            ],
            params_sha256: params_sha256.to_string(),
            request_sha256: request_sha256.to_string(),
            params,
        }
    }

    /// Serves one request; a connection is for one.
    async fn serve(&self, stream: TcpStream) {
        let mut stream = BufReader::new(stream);
        let Some((head, body)) = read(&mut stream).await else {
            return;
        };
        let known = head
            .to_lowercase()
            .contains(&format!("authorization: bearer {SERVICE}\r\n").to_lowercase());
        let first = head.lines().next().unwrap_or_default();
        let (status, answer) = match first.split(' ').take(2).collect::<Vec<_>>()[..] {
            _ if !known => ("401 Unauthorized", Value::Null),
            ["GET", "/v1/control"] => ("200 OK", self.control()),
            ["POST", "/v1/receipts"] => ("200 OK", self.take(&body)),
            _ => ("404 Not Found", Value::Null),
        };
        let answer = answer.to_string();
        let text = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
             connection: close\r\n\r\n{answer}",
            answer.len()
        );
        let _ = stream.write_all(text.as_bytes()).await;
    }

    fn control(&self) -> Value {
        let at = self.heard.lock().unwrap().started;
        json!({"generation": 1, "policy_epoch": 1, "entries": [], "keys": self.jwks(), "at": at})
    }

    fn take(&self, body: &[u8]) -> Value {
        let body: Value = serde_json::from_slice(body).unwrap();
        let receipts = body["receipts"].as_array().unwrap();
        let mut heard = self.heard.lock().unwrap();
        heard
            .receipts
            .extend(receipts.iter().map(|one| one.as_str().unwrap().to_owned()));
        json!({"accepted": receipts.len()})
    }
}

/// The head and body of one request.
async fn read(stream: &mut BufReader<TcpStream>) -> Option<(String, Vec<u8>)> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let named = name.eq_ignore_ascii_case("content-length");
        named.then(|| value.trim().parse().ok()).flatten()
    });
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await.ok()?;
    Some((head, body))
}

fn catalogue(folder: &Path) -> Catalogue {
    let mut files: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect();
    files.sort();
    Catalogue::parse(&files).unwrap()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the tokens are for a process that lives by the system's clock"
)]
fn now() -> Timestamp {
    Timestamp::now()
}
