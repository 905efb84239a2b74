//! An agent that registered a key proves with each request that it has it.

use std::time::Duration;

use countersign_intent::id::ProofId;
use countersign_intent::key::SigningKey;
use countersign_intent::proof::{self, HEADER};
use countersign_intent::token::{Confirmation, Intent};
use http::StatusCode;
use serde_json::{Value, json};

use crate::bench::{AGENT, Answer, Bench, PROVER, prover_key, scale_params};

fn bound(bench: &Bench, tool: &str, params: &Value) -> Intent {
    let mut intent = bench.intent(tool, params);
    intent.sub = "prover".parse().unwrap();
    intent.cnf = Some(Confirmation {
        jkt: prover_key().verifying_key().thumbprint(),
    });
    intent
}

/// A proof of now for `POST path` with `token`.
fn prove(bench: &Bench, key: &SigningKey, path: &str, token: &str) -> String {
    let id = ProofId::mint(bench.clock.now(), bench.random.bytes());
    let request = proof::Request {
        method: "POST",
        path,
        token,
    };
    proof::make(key, id, bench.clock.now(), request)
}

async fn call(
    bench: &Bench,
    token: &str,
    proofs: &[&str],
    (tool, params): (&str, &Value),
) -> Answer {
    let body = json!({"tool": tool, "params": params}).to_string();
    let headers: Vec<_> = proofs.iter().map(|proof| (HEADER, *proof)).collect();
    bench
        .post_call(Some(token), Some(PROVER), &headers, body)
        .await
}

fn refused((status, body): &Answer) {
    assert_eq!(
        (*status, &body["code"]),
        (StatusCode::UNAUTHORIZED, &json!("agent_proof")),
        "{body}"
    );
}

#[tokio::test]
async fn call_without_the_right_proof_is_refused_and_burns_nothing() {
    let bench = Bench::start().await;
    let params = scale_params();
    let scale = ("infra.scale", &params);
    let token = bench.sign(&bound(&bench, "infra.scale", &params));
    let other_token = bench.sign(&bound(&bench, "infra.scale", &params));
    let (key, path) = (prover_key(), "/v1/calls");
    let good = prove(&bench, &key, path, &token);
    let other_method = proof::make(
        &key,
        ProofId::mint(bench.clock.now(), [1; 10]),
        bench.clock.now(),
        proof::Request {
            method: "GET",
            path,
            token: &token,
        },
    );
    let wrong = [
        prove(
            &bench,
            &SigningKey::from_seed(&[9; 32]).unwrap(),
            path,
            &token,
        ),
        prove(&bench, &key, "/mcp/tools/execute", &token),
        prove(&bench, &key, path, &other_token),
        other_method,
        token.clone(),
        String::new(),
        "x".to_owned(),
    ];
    refused(&call(&bench, &token, &[], scale).await);
    for proof in &wrong {
        refused(&call(&bench, &token, &[proof], scale).await);
    }
    refused(&call(&bench, &token, &[&good, &good], scale).await);
    let early = good.clone();
    bench.clock.advance(Duration::from_secs(30));
    bench.put_control(&bench.control(1, &json!([]))).await;
    let (status, body) = call(&bench, &token, &[&early], scale).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!(bench.upstream.count(), 1);
}

#[tokio::test]
async fn old_and_early_proofs_are_refused() {
    let bench = Bench::start().await;
    let params = scale_params();
    let mut intent = bound(&bench, "infra.scale", &params);
    intent.exp = intent.iat + 300;
    let token = bench.sign(&intent);
    let old = prove(&bench, &prover_key(), "/v1/calls", &token);
    bench.clock.advance(Duration::from_secs(61));
    bench.put_control(&bench.control(1, &json!([]))).await;
    refused(&call(&bench, &token, &[&old], ("infra.scale", &params)).await);
    let ahead = proof::make(
        &prover_key(),
        ProofId::mint(bench.clock.now(), [2; 10]),
        bench.clock.now() + jiff::SignedDuration::from_secs(6),
        proof::Request {
            method: "POST",
            path: "/v1/calls",
            token: &token,
        },
    );
    refused(&call(&bench, &token, &[&ahead], ("infra.scale", &params)).await);
    let now = prove(&bench, &prover_key(), "/v1/calls", &token);
    let (status, body) = call(&bench, &token, &[&now], ("infra.scale", &params)).await;
    assert_eq!(status, StatusCode::OK, "{body}");
}

#[tokio::test]
async fn proof_of_a_lease_counts_for_one_request() {
    let bench = Bench::start().await;
    let params = json!({"service_id": "payments"});
    let get = ("infra.get", &params);
    let lease = bench.sign(&bound(&bench, "infra.get", &params));
    for _ in 0..3 {
        let proof = prove(&bench, &prover_key(), "/v1/calls", &lease);
        let (status, body) = call(&bench, &lease, &[&proof], get).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        refused(&call(&bench, &lease, &[&proof], get).await);
        refused(&call(&bench, &lease, &[], get).await);
    }
    assert_eq!(bench.upstream.count(), 3);
}

#[tokio::test]
async fn proof_of_a_refused_request_can_be_used_again() {
    let bench = Bench::start().await;
    let params = json!({"service_id": "payments"});
    let lease = bench.sign(&bound(&bench, "infra.get", &params));
    let proof = prove(&bench, &prover_key(), "/v1/calls", &lease);
    let other = json!({"service_id": "auth"});
    let (_, body) = call(&bench, &lease, &[&proof], ("infra.get", &other)).await;
    assert_eq!(body["code"], "params_mismatch");
    let (status, _) = call(&bench, &lease, &[&proof], ("infra.get", &params)).await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn registered_key_makes_the_proof_mandatory_and_none_makes_a_bound_token_worthless() {
    let bench = Bench::start().await;
    let params = scale_params();
    let mut bare = bound(&bench, "infra.scale", &params);
    bare.cnf = None;
    let bare = bench.sign(&bare);
    let proof = prove(&bench, &prover_key(), "/v1/calls", &bare);
    refused(&call(&bench, &bare, &[&proof], ("infra.scale", &params)).await);

    let mut foreign = bound(&bench, "infra.scale", &params);
    let stranger = SigningKey::from_seed(&[9; 32]).unwrap();
    foreign.cnf = Some(Confirmation {
        jkt: stranger.verifying_key().thumbprint(),
    });
    let foreign = bench.sign(&foreign);
    for key in [&stranger, &prover_key()] {
        let proof = prove(&bench, key, "/v1/calls", &foreign);
        refused(&call(&bench, &foreign, &[&proof], ("infra.scale", &params)).await);
    }

    let mut keyless = bound(&bench, "infra.scale", &params);
    keyless.sub = "remediator".parse().unwrap();
    let keyless = bench.sign(&keyless);
    let proof = prove(&bench, &prover_key(), "/v1/calls", &keyless);
    let body = json!({"tool": "infra.scale", "params": params}).to_string();
    let headers = [(HEADER, proof.as_str())];
    let answer = bench
        .post_call(Some(&keyless), Some(AGENT), &headers, body)
        .await;
    refused(&answer);
    assert_eq!(bench.upstream.count(), 0);
}
