use countersign_intent::key::SigningKey;
use countersign_ledger::leaf;
use serde_json::Map;

use super::*;

/// A token as the authority signs it. Tests of this crate cannot issue, so the envelope is made by hand.
fn token(key: &SigningKey, claims: &Value) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let header = json!({"alg": "EdDSA", "kid": key.kid(), "typ": "intent+jwt"});
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&header), part(claims));
    format!(
        "{signed}.{}",
        URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes()))
    )
}

struct World {
    key: SigningKey,
    token: String,
    logs: Vec<Log>,
}

const JTI: &str = "01JD0000000000000000000000";
const ATTEMPT: &str = "att_01JD0000000000000000000001";
const AT: i64 = 1_900_000_000;

fn digest(text: &str) -> String {
    Digest::of(text.as_bytes()).to_string()
}

fn call() -> Value {
    json!({
        "jti": JTI, "agent": "remediator", "plan": "pln_01JD0000000000000000000002", "step": "s1",
        "tool": "infra.scale", "params_sha256": digest("p"), "request_sha256": digest("r"),
        "definition_sha256": digest("d"),
    })
}

fn with(mut base: Value, more: Value) -> Map<String, Value> {
    if let (Value::Object(base), Value::Object(more)) = (&mut base, more) {
        base.extend(more);
    }
    base.as_object().cloned().unwrap()
}

fn world() -> World {
    let key = SigningKey::from_seed(&[9; 32]).unwrap();
    let call = call();
    let claims = json!({
        "iss": "countersign", "sub": call["agent"], "aud": "enforcer", "iat": AT, "nbf": AT,
        "exp": AT + 60, "jti": JTI, "tenant": "default", "plan": call["plan"],
        "plan_sha256": digest("plan"), "step": "s1", "policy": digest("b"), "policy_epoch": 1,
        "authorization_details": [{
            "type": "tool_call", "tool": "infra.scale", "params_sha256": digest("p"),
            "definition_sha256": digest("d"), "request_sha256": digest("r"), "use": "once",
        }],
    });
    let token = token(&key, &claims);
    World {
        key,
        token,
        logs: Vec::new(),
    }
}

impl World {
    /// Appends a record as its writer would.
    fn push(&mut self, role: &str, kind: Kind, body: Map<String, Value>) -> Digest {
        if !self.logs.iter().any(|log| log.name == role) {
            self.logs.push(Log {
                name: role.to_owned(),
                entries: Vec::new(),
            });
        }
        let log = self.logs.iter_mut().find(|log| log.name == role).unwrap();
        let size = log.entries.len() as u64;
        let record = Record {
            v: 1,
            kind,
            log: format!("example.org/{role}"),
            tenant: "default".parse().unwrap(),
            at: jiff::Timestamp::from_second(AT + 1).unwrap(),
            writer: format!("{role}#1"),
            wseq: size,
            wprev: log.entries.last().map(|entry| entry.leaf),
            body,
        };
        let text = record.to_text().unwrap();
        let leaf = leaf(&text);
        log.entries.push(Entry {
            index: size,
            leaf,
            record: text,
        });
        leaf
    }

    /// One call from its key to its receipt.
    fn story(mut self) -> Self {
        let x = self.key.verifying_key().to_base64url();
        self.push(
            "authority",
            Kind::Keyset,
            with(json!({"event": "published"}), json!({"x": x})),
        );
        let token_sha256 = digest(&self.token);
        self.push(
            "authority",
            Kind::Issue,
            with(call(), json!({"token_sha256": token_sha256})),
        );
        let spent = with(call(), json!({"attempt": ATTEMPT, "token": self.token}));
        self.push("enforcer", Kind::Consume, spent);
        let leaf = self.end();
        let taken = json!({"jti": JTI, "leaf": leaf.to_string()});
        self.push("authority", Kind::Outcome, with(json!({}), taken));
        self
    }

    fn end(&mut self) -> Digest {
        let body = json!({"jti": JTI, "attempt": ATTEMPT, "request_sha256": digest("r")});
        self.push(
            "enforcer",
            Kind::Outcome,
            with(body, json!({"state": "done"})),
        )
    }

    fn rules(&self) -> Vec<&'static str> {
        let outcome = verify(&self.logs, &Trust::Published);
        outcome
            .findings
            .iter()
            .map(|finding| finding.rule)
            .collect()
    }
}

#[test]
fn a_true_story_holds() {
    let world = world().story();
    let outcome = verify(&world.logs, &Trust::Published);
    assert!(outcome.holds(), "{outcome}");
    assert!(outcome.to_string().contains("keys not pinned"), "{outcome}");
    let pins: VerifyingKeys = [world.key.verifying_key().clone()].into_iter().collect();
    let outcome = verify(&world.logs, &Trust::Pinned(pins));
    assert!(outcome.holds(), "{outcome}");
    assert!(!outcome.to_string().contains("not pinned"));
}

#[test]
fn other_pinned_keys_find_a_log_that_was_signed_again() {
    let world = world().story();
    let other = SigningKey::from_seed(&[1; 32]).unwrap();
    let pins: VerifyingKeys = [other.verifying_key().clone()].into_iter().collect();
    let outcome = verify(&world.logs, &Trust::Pinned(pins));
    assert_eq!(outcome.findings[0].rule, "token_signed");
}

#[test]
fn a_token_that_nobody_issued_is_found() {
    let mut world = world();
    let x = world.key.verifying_key().to_base64url();
    world.push("authority", Kind::Keyset, with(json!({}), json!({"x": x})));
    let spent = with(call(), json!({"attempt": ATTEMPT, "token": world.token}));
    world.push("enforcer", Kind::Consume, spent);
    assert_eq!(world.rules(), ["spent_was_issued"]);
}

#[test]
fn a_token_spent_at_two_enforcers_is_found() {
    let mut world = world().story();
    let spent = with(call(), json!({"attempt": ATTEMPT, "token": world.token}));
    world.push("other", Kind::Consume, spent);
    assert_eq!(world.rules(), ["spent_once"]);
}

#[test]
fn another_call_than_the_token_s_is_found() {
    let mut world = world();
    let x = world.key.verifying_key().to_base64url();
    world.push("authority", Kind::Keyset, with(json!({}), json!({"x": x})));
    let token_sha256 = digest(&world.token);
    world.push(
        "authority",
        Kind::Issue,
        with(call(), json!({"token_sha256": token_sha256})),
    );
    let changed = json!({"attempt": ATTEMPT, "token": world.token, "params_sha256": digest("x")});
    world.push("enforcer", Kind::Consume, with(call(), changed));
    assert_eq!(world.rules(), ["record_is_token", "spent_was_issued"]);
}

#[test]
fn two_ends_of_one_call_are_found() {
    let mut world = world().story();
    world.end();
    assert_eq!(world.rules(), ["ended_once"]);
}

#[test]
fn a_changed_or_missing_record_is_found() {
    let mut changed = world().story();
    let entry = &mut changed.logs[1].entries[0];
    entry.record = entry
        .record
        .replace("payments", "prod_db")
        .replace("s1", "s2");
    assert_eq!(changed.rules()[0], "chain");
    let mut missing = world().story();
    missing.logs[0].entries.remove(1);
    assert_eq!(missing.rules()[0], "chain");
    let mut cut = world().story();
    cut.logs[1].entries.pop();
    assert_eq!(cut.rules(), ["receipt_has_record"]);
}
