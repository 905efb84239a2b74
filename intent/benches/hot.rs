//! What one call costs before and after the network: verification, canonical bytes, parameters,
//! rendering, receipts and proofs. `cargo bench -p countersign-intent`.
#![expect(clippy::unwrap_used, reason = "benches")]

use std::hint::black_box;

use countersign_intent::digest::Digest;
use countersign_intent::id::{AttemptId, ProofId};
use countersign_intent::receipt::{self, Outcome, Receipt};
use countersign_intent::render::render;
use countersign_intent::token::{Floor, Intent, UnverifiedToken, sign};
use countersign_intent::{canonical, json, proof};
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::{Map, Value, json};

#[path = "../tests/it/fixture.rs"]
mod fixture;

fn params() -> Map<String, Value> {
    fixture::object(json!({"service_id": "payments", "replicas": 4}))
}

/// About 200 bytes, as a call's parameters are.
fn small() -> Value {
    json!({
        "service_id": "payments", "replicas": 4, "reason": "p99 over 800 ms for ten minutes",
        "labels": {"team": "checkout", "tier": "1", "zone": "eu-west-1b"}, "surge": 0.25,
        "dry_run": false, "notify": ["oncall", "payments-dev"],
    })
}

fn verify(bench: &mut Criterion) {
    let (keys, verifier, now) = (fixture::keys(), fixture::verifier(), fixture::now());
    let token = sign(&fixture::key(), &fixture::intent());
    let run = || {
        let token = UnverifiedToken::new(black_box(&token)).unwrap();
        verifier
            .verify(token, &keys, now, Floor::default())
            .unwrap()
    };
    bench.bench_function("verify", |bencher| bencher.iter(run));
    let (tool, agent) = (fixture::tool("infra.scale"), fixture::intent().sub);
    let checked = run();
    bench.bench_function("match_call", |bencher| {
        bencher.iter(|| checked.clone().match_call(&agent, &tool, params()).unwrap());
    });
    let message = token.rsplit_once('.').unwrap().0.as_bytes();
    let signature = fixture::key().sign(message);
    let key = fixture::key().verifying_key().clone();
    bench.bench_function("signature alone", |bencher| {
        bencher.iter(|| assert!(key.verify(black_box(message), &signature)));
    });
}

fn canonicalise(bench: &mut Criterion) {
    let small = json::read(&serde_json::to_vec(&small()).unwrap()).unwrap();
    let large = Value::Array(vec![small.clone(); 20]);
    for (name, value) in [("200 bytes", &small), ("4 KiB", &large)] {
        let mut buffer = Vec::with_capacity(8_192);
        bench.bench_function(&format!("canonical, {name}"), |bencher| {
            bencher.iter(|| {
                buffer.clear();
                canonical::append(black_box(value), &mut buffer);
                buffer.len()
            });
        });
        bench.bench_function(&format!("digest, {name}"), |bencher| {
            bencher.iter(|| Digest::of_json(black_box(value)));
        });
        bench.bench_function(&format!("serde_json_canonicalizer, {name}"), |bencher| {
            bencher.iter(|| serde_json_canonicalizer::to_vec(black_box(value)).unwrap());
        });
        let bytes = canonical::to_vec(value);
        bench.bench_function(&format!("strict read, {name}"), |bencher| {
            bencher.iter(|| json::read(black_box(&bytes)).unwrap());
        });
    }
}

fn call(bench: &mut Criterion) {
    let tool = fixture::tool("infra.scale");
    bench.bench_function("params", |bencher| {
        bencher.iter(|| tool.params(params()).unwrap());
    });
    let checked = tool.params(params()).unwrap();
    bench.bench_function("render", |bencher| {
        bencher.iter(|| render(&tool, black_box(&checked)).unwrap());
    });
    let rendered = render(&tool, &checked).unwrap();
    bench.bench_function("request digest", |bencher| {
        bencher.iter(|| black_box(&rendered).digest());
    });
}

fn receipt_of(intent: &Intent) -> Receipt {
    let call = intent.call().clone();
    let now = fixture::now();
    let value = json!({
        "iss": "enforcer", "iat": fixture::NOW, "sub": intent.sub, "jti": intent.jti,
        "attempt": AttemptId::mint(now, [1; 10]), "tenant": intent.tenant, "plan": intent.plan,
        "step": intent.step, "tool": call.tool, "params_sha256": call.params_sha256,
        "request_sha256": call.request_sha256, "definition_sha256": call.definition_sha256,
        "token_sha256": Digest::of(b"token"), "outcome": Outcome::Done, "status": 200,
        "body_sha256": Digest::of(b"body"), "body_length": 4, "consumed_at": now, "ended_at": now,
        "leaf": Digest::of(b"leaf"),
    });
    serde_json::from_value(value).unwrap()
}

fn signed(bench: &mut Criterion) {
    let (key, intent) = (fixture::key(), fixture::intent());
    let receipt = receipt_of(&intent);
    bench.bench_function("receipt sign", |bencher| {
        bencher.iter(|| receipt::sign(&key, black_box(&receipt)));
    });
    bench.bench_function("token sign", |bencher| {
        bencher.iter(|| sign(&key, black_box(&intent)));
    });
    let token = sign(&key, &intent);
    let request = proof::Request {
        method: "POST",
        path: "/v1/calls",
        token: &token,
    };
    let now = fixture::now();
    let made = proof::make(&key, ProofId::mint(now, [2; 10]), now, request);
    let public = key.verifying_key();
    let confirmation = countersign_intent::token::Confirmation {
        jkt: public.thumbprint(),
    };
    bench.bench_function("proof verify", |bencher| {
        bencher.iter(|| {
            proof::verify(Some(black_box(&made)), &confirmation, public, request, now).unwrap()
        });
    });
}

criterion_group!(hot, verify, canonicalise, call, signed);
criterion_main!(hot);
