//! The token corpus (`tests/vectors/tokens`): the committed file is what the seeds give, and this
//! implementation answers every case as the file says.

use countersign_intent::catalogue::Catalogue;
use countersign_intent::json;
use countersign_intent::key::{Jwk, VerifyingKey, VerifyingKeys};
use countersign_intent::proof::{self, Request};
use countersign_intent::refusal::{Refusal, RefusalCode};
use countersign_intent::token::{Floor, UnverifiedToken, Verifier};
use jiff::Timestamp;
use serde_json::Value;

#[path = "corpus/make.rs"]
pub(crate) mod make;

fn committed() -> String {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/vectors/tokens/corpus.json"
    );
    std::fs::read_to_string(path).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn public(key: &Value) -> VerifyingKey {
    let jwk: Jwk = serde_json::from_value(key.clone()).unwrap();
    VerifyingKey::from_jwk(&jwk).unwrap()
}

/// What a case is judged with.
struct World {
    corpus: Value,
    catalogue: Catalogue,
    keys: VerifyingKeys,
}

impl World {
    fn new() -> Self {
        let corpus: Value = serde_json::from_str(&committed()).unwrap();
        let file = ("tools.toml".to_owned(), make::TOOLS.to_owned());
        let trusted = corpus["trusted"].as_array().unwrap();
        Self {
            catalogue: Catalogue::parse(&[file]).unwrap(),
            keys: trusted
                .iter()
                .map(|name| public(&corpus["keys"][text(name)]))
                .collect(),
            corpus,
        }
    }

    /// The member of the case, or of the call that all cases share.
    fn of<'a>(&'a self, case: &'a Value, member: &str) -> &'a str {
        case[member]
            .as_str()
            .unwrap_or_else(|| text(&self.corpus["call"][member]))
    }

    /// Every check before the journal, in the enforcer's order.
    fn judge(&self, case: &Value) -> Result<(), Refusal> {
        let settings = &self.corpus["verifier"];
        let verifier = Verifier {
            issuer: text(&settings["issuer"]).to_owned(),
            audience: text(&settings["audience"]).to_owned(),
            tenant: text(&settings["tenant"]).parse().unwrap(),
        };
        let floor = Floor {
            issued_at: self.corpus["floor"]["issued_at"].as_i64().unwrap(),
            policy_epoch: self.corpus["floor"]["policy_epoch"].as_u64().unwrap(),
        };
        let now = Timestamp::from_second(self.corpus["now"].as_i64().unwrap()).unwrap();
        let token = UnverifiedToken::new(text(&case["token"]))?;
        let intent = verifier.verify(token, &self.keys, now, floor)?;
        let refuse = |code| Refusal::new(code, "the corpus");
        let Ok(Value::Object(params)) = json::read(self.of(case, "params").as_bytes()) else {
            return Err(refuse(RefusalCode::ParamsInvalid));
        };
        let tool = self.of(case, "tool").parse().ok();
        let tool = tool.and_then(|tool| self.catalogue.get(&tool));
        let tool = tool.ok_or_else(|| refuse(RefusalCode::ToolUnknown))?;
        let agent = self.of(case, "agent");
        intent.check_agent(&agent.parse().unwrap())?;
        let key = self.corpus["agents"][agent].as_str();
        match (
            &intent.get().cnf,
            key.map(|key| public(&self.corpus["keys"][key])),
        ) {
            (None, None) => {}
            (Some(_), None) | (None, Some(_)) => return Err(refuse(RefusalCode::AgentProof)),
            (Some(confirmation), Some(key)) => {
                let request = Request {
                    method: text(&self.corpus["request"]["method"]),
                    path: text(&self.corpus["request"]["path"]),
                    token: token.as_str(),
                };
                let proof = case["proof"].as_str();
                drop(proof::verify(proof, confirmation, &key, request, now)?);
            }
        }
        let call = intent.match_call(&agent.parse().unwrap(), tool, params)?;
        assert_eq!(call.intent().authorization_details.len(), 1);
        Ok(())
    }
}

#[test]
fn the_committed_corpus_is_what_its_seeds_give() {
    let fresh = make::document();
    assert!(
        fresh == committed(),
        "write it again: cargo run -p countersign-intent --example corpus > tests/vectors/tokens/corpus.json"
    );
}

#[test]
fn every_case_is_answered_as_listed() {
    let world = World::new();
    let mut wrong = Vec::new();
    let cases = world.corpus["cases"].as_array().unwrap();
    for case in cases {
        let answer = match world.judge(case) {
            Ok(()) => "accepted",
            Err(refusal) => refusal.code.as_str(),
        };
        if answer != case["expect"] {
            wrong.push(format!(
                "{} / {}: {answer}, not {}",
                case["group"], case["name"], case["expect"]
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cases.len() >= 150, "{}", cases.len());
}

#[test]
fn every_code_that_a_token_can_meet_is_met() {
    let world = World::new();
    for code in RefusalCode::ALL {
        let text = code.as_str();
        let is_met = world.corpus["cases"]
            .as_array()
            .unwrap()
            .iter()
            .any(|case| case["expect"] == text);
        let by_the_journal = ["token_used", "tool_quarantined"].contains(&text);
        let pure = text.starts_with("token_")
            || text.starts_with("tool_")
            || text.starts_with("params_")
            || text.starts_with("render_")
            || text.starts_with("agent_");
        assert_eq!(is_met, pure && !by_the_journal, "{text}");
    }
}

#[test]
fn keys_that_no_set_may_hold_are_refused() {
    let world = World::new();
    let keys = world.corpus["refused_keys"].as_array().unwrap();
    for key in keys {
        assert!(
            VerifyingKey::from_base64url(text(&key["x"])).is_err(),
            "{}",
            key["why"]
        );
    }
    assert_eq!(keys.len(), 10);
}
