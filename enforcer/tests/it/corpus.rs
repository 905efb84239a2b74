//! The token corpus (`tests/vectors/tokens`) through the enforcer's real doors: every case is answered
//! as listed, and a refused one leaves the journal as it was.

use std::time::Duration;

use countersign_enforcer::Config;
use countersign_intent::key::{Jwk, VerifyingKey};
use countersign_service::credential::SecretHash;
use http::{HeaderValue, Request};
use serde_json::{Value, json};

use crate::bench::{Answer, Bench, SERVICE, START};

const CORPUS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../tests/vectors/tokens/corpus.json"
);
const TOOLS: &str = include_str!("../../../tests/vectors/tokens/tools.toml");

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

fn public(key: &Value) -> Jwk {
    let jwk: Jwk = serde_json::from_value(key.clone()).unwrap();
    VerifyingKey::from_jwk(&jwk).unwrap().to_jwk()
}

/// The corpus's tools and agents in place of the bench's. An agent's bearer key is `cs_agent_` and its name.
fn settle(config: &Config, corpus: &Value) {
    std::fs::write(config.policies.join("tools/tools.toml"), TOOLS).unwrap();
    let agents = corpus["agents"].as_object().unwrap().iter();
    let agents: Vec<String> = agents
        .map(|(name, key)| {
            let hash = SecretHash::of(&format!("cs_agent_{name}"));
            let registered = key.as_str().map_or(String::new(), |key| {
                format!("public_key = \"{}\"\n", text(&corpus["keys"][key]["x"]))
            });
            format!(
                "[[agent]]\nname = \"{name}\"\nautonomy = \"automate-destructive\"\nkey_sha256 = \"{hash}\"\n{registered}"
            )
        })
        .collect();
    std::fs::write(config.policies.join("agents.toml"), agents.concat()).unwrap();
}

/// An enforcer whose journal began at the corpus's floor, at the corpus's time, with its keys and epoch.
async fn start(corpus: &Value) -> Bench {
    let since_floor = number(&corpus["now"]) - number(&corpus["floor"]["issued_at"]);
    assert_eq!(number(&corpus["now"]), u64::try_from(START).unwrap());
    let bench = Bench::start_with(|config| {
        settle(config, corpus);
        let floor = config.clock.now() - jiff::SignedDuration::from_secs(since_floor.cast_signed());
        config.clock.set(floor);
    })
    .await;
    bench.clock.advance(Duration::from_secs(since_floor));
    let trusted = corpus["trusted"].as_array().unwrap();
    let keys: Vec<Jwk> = trusted
        .iter()
        .map(|name| public(&corpus["keys"][text(name)]))
        .collect();
    let mut document = bench.control(2, &json!([]));
    document["policy_epoch"] = corpus["floor"]["policy_epoch"].clone();
    document["keys"] = json!({"keys": keys});
    let (status, body) = bench.put_control(&document).await;
    assert_eq!(status, 200, "{body}");
    bench
}

/// Sends a case. What no header can carry comes through the short form's body.
async fn send(bench: &Bench, corpus: &Value, case: &Value) -> Answer {
    let of = |member: &str| text(case.get(member).unwrap_or(&corpus["call"][member])).to_owned();
    let (token, agent) = (of("token"), format!("cs_agent_{}", of("agent")));
    let tool = Value::from(of("tool"));
    let Ok(header) = HeaderValue::from_str(&token) else {
        let body = json!({"tool_name": tool, "intent_token": token, "parameters": "@"});
        let body = body.to_string().replace("\"@\"", &of("params"));
        let request =
            Request::post("/mcp/tools/execute").header("authorization", format!("Bearer {agent}"));
        return bench.send(request.body(body.into()).unwrap()).await;
    };
    let mut request = Request::post(text(&corpus["request"]["path"]))
        .header("authorization", format!("Bearer {agent}"))
        .header("intent-token", header);
    if let Some(proof) = case["proof"].as_str() {
        request = request.header("intent-proof", proof);
    }
    let body = format!(r#"{{"tool":{tool},"params":{}}}"#, of("params"));
    bench.send(request.body(body.into()).unwrap()).await
}

#[tokio::test]
async fn every_case_is_answered_as_listed_and_refusals_leave_the_journal_alone() {
    let corpus: Value = serde_json::from_slice(&std::fs::read(CORPUS).unwrap()).unwrap();
    let bench = start(&corpus).await;
    let (mut wrong, mut ran) = (Vec::new(), 0);
    let cases = corpus["cases"].as_array().unwrap();
    for case in cases {
        let (status, body) = send(&bench, &corpus, case).await;
        let answer = match body["outcome"].as_str() {
            Some("done") => "accepted",
            _ => body["code"].as_str().unwrap_or("neither"),
        };
        // Reads are leases, which the upstream sees and the journal counts later.
        ran += usize::from(answer == "accepted");
        let untouched = bench.upstream.count() == ran;
        if answer != case["expect"] || !untouched {
            let (group, name) = (&case["group"], &case["name"]);
            wrong.push(format!(
                "{group} / {name}: {status} {body}, not {}",
                case["expect"]
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cases.len() >= 150, "{}", cases.len());
    let once = |case: &&Value| case["expect"] == "accepted" && case["tool"] != "infra.get";
    let calls = bench.calls().await;
    assert_eq!(calls.len(), cases.iter().filter(once).count());
    let (status, page) = bench
        .ask("GET", "/v1/ledger/entries?limit=500", SERVICE, None)
        .await;
    assert_eq!(status, 200, "{page}");
}
