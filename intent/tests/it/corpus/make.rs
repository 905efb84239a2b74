//! Makes the token corpus (`tests/vectors/tokens/corpus.json`) from fixed seeds.
//!
//! What each case must answer is written here by hand; nothing is taken from a verifier.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use countersign_intent::catalogue::Catalogue;
use countersign_intent::digest::Digest;
use countersign_intent::id::{IntentId, PlanId, TenantId};
use countersign_intent::key::SigningKey;
use countersign_intent::render::render;
use countersign_intent::token::{Confirmation, Intent, ToolCall, Use, sign};
use countersign_intent::tool::Effect;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

mod addressing;
mod calls;
mod claims;
mod curve;
mod envelope;
mod header;
mod proofs;

/// The verifier's clock, in seconds.
pub(crate) const NOW: i64 = 1_800_000_000;
/// Tokens issued before this refuse.
pub(crate) const FLOOR: i64 = NOW - 100;
/// Tokens of a lower policy epoch refuse.
pub(crate) const EPOCH: u64 = 3;
pub(crate) const TOOLS: &str = include_str!("../../../../tests/vectors/tokens/tools.toml");
const AGENT: &str = "remediator";
/// The agent that registered a key.
const SEALED: &str = "sealed";
const METHOD: &str = "POST";
const PATH: &str = "/v1/calls";

/// The cases so far, and what they are made with.
pub(crate) struct Corpus {
    catalogue: Catalogue,
    /// Signs; trusted.
    authority: SigningKey,
    /// Trusted too.
    second: SigningKey,
    /// Not trusted.
    stranger: SigningKey,
    /// The key of the agent `sealed`.
    agent: SigningKey,
    group: &'static str,
    cases: Vec<Value>,
}

/// The committed document, one case to a line.
pub(crate) fn document() -> String {
    let mut corpus = Corpus::new();
    corpus.good();
    envelope::add(&mut corpus);
    header::add(&mut corpus);
    curve::add(&mut corpus);
    claims::add(&mut corpus);
    addressing::add(&mut corpus);
    calls::add(&mut corpus);
    proofs::add(&mut corpus);
    corpus.finish()
}

impl Corpus {
    fn new() -> Self {
        let file = ("tools.toml".to_owned(), TOOLS.to_owned());
        let key = |seed| SigningKey::from_seed(&[seed; 32]).unwrap();
        Self {
            catalogue: Catalogue::parse(&[file]).unwrap(),
            authority: key(1),
            second: key(2),
            stranger: key(3),
            agent: key(4),
            group: "",
            cases: Vec::new(),
        }
    }

    fn group(&mut self, name: &'static str) {
        self.group = name;
    }

    /// Adds a case; members may be set on what is given back.
    fn add(&mut self, name: &str, expect: &str, token: impl Into<String>) -> &mut Value {
        let token: String = token.into();
        self.cases
            .push(json!({"group": self.group, "name": name, "expect": expect, "token": token}));
        self.cases.last_mut().unwrap()
    }

    /// A fresh intent: `tool` with `params` for `remediator`, for a minute from [`NOW`].
    fn intent_for(&self, tool: &str, params: Value) -> Intent {
        let tool = self.catalogue.get(&tool.parse().unwrap()).unwrap();
        let Value::Object(members) = params else {
            panic!("parameters are an object");
        };
        let params = tool.params(members).unwrap();
        let request = render(tool, &params).map_or(Digest::of(b"none"), |call| call.digest());
        let now = Timestamp::from_second(NOW).unwrap();
        let count = u16::try_from(self.cases.len()).unwrap().to_be_bytes();
        let mut random = [7; 10];
        random[..2].copy_from_slice(&count);
        Intent {
            iss: "authority".to_owned(),
            sub: AGENT.parse().unwrap(),
            aud: "enforcer".to_owned(),
            iat: NOW,
            nbf: NOW,
            exp: NOW + 60,
            jti: IntentId::mint(now, random),
            authorization_details: [ToolCall {
                type_: "tool_call".to_owned(),
                tool: tool.name.clone(),
                params_sha256: params.digest(),
                definition_sha256: tool.definition_sha256(),
                request_sha256: request,
                use_: match tool.effect {
                    Effect::Read => Use::Lease,
                    Effect::Service | Effect::Destructive | Effect::Data => Use::Once,
                },
            }],
            tenant: TenantId::single(),
            plan: PlanId::mint(now, random),
            plan_sha256: Digest::of(b"plan"),
            step: "s1".parse().unwrap(),
            policy: Digest::of(b"bundle"),
            policy_epoch: EPOCH,
            approvals: None,
            precondition: None,
            cnf: None,
        }
    }

    /// `infra.scale payments 4`.
    fn intent(&self) -> Intent {
        self.intent_for(
            "infra.scale",
            json!({"service_id": "payments", "replicas": 4}),
        )
    }

    /// For the agent `sealed`, bound to its key.
    fn sealed(&self) -> Intent {
        Intent {
            sub: SEALED.parse().unwrap(),
            cnf: Some(Confirmation {
                jkt: self.agent.verifying_key().thumbprint(),
            }),
            ..self.intent()
        }
    }

    fn token(&self) -> String {
        sign(&self.authority, &self.intent())
    }

    fn claims(&self) -> Value {
        serde_json::to_value(self.intent()).unwrap()
    }

    fn header(&self) -> Value {
        json!({"alg": "EdDSA", "kid": self.authority.kid(), "typ": "intent+jwt"})
    }

    /// Signs any bytes as header and payload with the authority's key.
    fn seal(&self, header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
        jws(&self.authority, header.as_ref(), payload.as_ref())
    }

    /// A genuine token but for its header.
    fn with_header(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut header = self.header();
        change(&mut header);
        self.seal(header.written(), self.claims().written())
    }

    /// A genuine token but for its claims.
    fn with_claims(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = self.claims();
        change(&mut claims);
        self.with_payload(claims.written())
    }

    /// A genuine token but for its payload.
    fn with_payload(&self, payload: impl AsRef<[u8]>) -> String {
        self.seal(self.header().written(), payload)
    }

    fn good(&mut self) {
        self.group("good");
        let token = self.token();
        self.add("as issued", "accepted", token);
        let token = self.with_claims(|_| ());
        self.add("members in another order", "accepted", token);
        let token = sign(&self.second, &self.intent());
        self.add("the second trusted key", "accepted", token);
        let read = self.intent_for(
            "infra.get",
            json!({"service_id": "payments", "verbose": true}),
        );
        let token = sign(&self.authority, &read);
        let case = self.add("a lease for a tool that reads", "accepted", token);
        case["tool"] = json!("infra.get");
        case["params"] = json!(r#"{"verbose":true,"service_id":"payments"}"#);
    }

    fn finish(self) -> String {
        let keys = json!({
            "authority": jwk(&self.authority), "second": jwk(&self.second),
            "stranger": jwk(&self.stranger), "agent": jwk(&self.agent),
        });
        let tools: Map<String, Value> = self.catalogue.iter().map(tool).collect();
        let head = BTreeMap::from([
            ("now", json!(NOW)),
            ("floor", json!({"issued_at": FLOOR, "policy_epoch": EPOCH})),
            (
                "verifier",
                json!({"issuer": "authority", "audience": "enforcer", "tenant": "default"}),
            ),
            (
                "limits",
                json!({"bytes": 4096, "life": 300, "skew": 5, "proof_age": 60, "proof_skew": 5}),
            ),
            ("keys", keys),
            ("trusted", json!(["authority", "second"])),
            ("refused_keys", curve::refused_keys()),
            (
                "agents",
                json!({"remediator": null, "watcher": null, "sealed": "agent"}),
            ),
            ("request", json!({"method": METHOD, "path": PATH})),
            (
                "call",
                json!({"agent": AGENT, "tool": "infra.scale",
                "params": r#"{"service_id":"payments","replicas":4}"#}),
            ),
            ("tools", Value::Object(tools)),
        ]);
        let mut lines: Vec<String> = head
            .iter()
            .map(|(name, value)| format!("{}: {}", json!(name), sorted(value)))
            .collect();
        let cases: Vec<String> = self.cases.iter().map(sorted).collect();
        lines.push(format!("\"cases\": [\n{}\n]", cases.join(",\n")));
        format!("{{\n{}\n}}\n", lines.join(",\n"))
    }
}

/// A value's plain text, whatever order its members were set in: Cargo's feature unification decides
/// whether `Value` keeps that order.
trait Written {
    /// The text, with members in the order of their names and numbers as they are.
    fn written(&self) -> String;
}

impl Written for Value {
    fn written(&self) -> String {
        arranged(self).to_string()
    }
}

fn arranged(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let members: BTreeMap<_, _> = members.iter().collect();
            let members = members.into_iter();
            Value::Object(
                members
                    .map(|(name, member)| (name.clone(), arranged(member)))
                    .collect(),
            )
        }
        Value::Array(items) => items.iter().map(arranged).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// Canonical text.
fn sorted(value: &Value) -> String {
    countersign_intent::canonical::to_string(value)
}

fn tool(tool: &countersign_intent::tool::Tool) -> (String, Value) {
    let about = json!({
        "definition": tool.definition(),
        "definition_sha256": tool.definition_sha256(),
        "schema": tool.params_schema(),
    });
    (tool.name.to_string(), about)
}

fn jwk(key: &SigningKey) -> Value {
    serde_json::from_str(&key.to_private_jwk()).unwrap()
}

fn jws(key: &SigningKey, header: &[u8], payload: &[u8]) -> String {
    let message = format!("{}.{}", B64.encode(header), B64.encode(payload));
    let signature = B64.encode(key.sign(message.as_bytes()));
    format!("{message}.{signature}")
}

/// The three parts of a compact JWS.
fn parts(token: &str) -> [&str; 3] {
    let parts: Vec<&str> = token.split('.').collect();
    parts.try_into().unwrap()
}
