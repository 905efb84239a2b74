//! More than may run at once or within a minute: refused before anything is spent.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::json;
use tower::ServiceExt as _;

use crate::bench::{AGENT, Bench, scale_params};

/// P8, F12: whoever comes first, exactly as many as the ceiling says are admitted, and the tokens of the
/// others are not spent.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_calls_that_race_exactly_as_many_run_as_the_ceiling_says() {
    for ceiling in [1_u32, 20] {
        let bench = Bench::start_with(|config| config.ceilings.per_tool = ceiling).await;
        let bench = Arc::new(bench);
        let racing = (0..64).map(|n| {
            let bench = Arc::clone(&bench);
            let tasks = bench.world.clone();
            tasks.spawn("call", async move {
                let params = json!({"service_id": format!("svc-{n}"), "replicas": 4});
                let token = bench.sign(&bench.intent("infra.scale", &params));
                let (status, body) = bench.call(&token, "infra.scale", &params).await;
                (status.as_u16(), body["code"].as_str().map(str::to_owned))
            })
        });
        let racing: Vec<_> = racing.collect();
        let mut answers = BTreeMap::new();
        for call in racing {
            *answers.entry(call.await.unwrap()).or_insert(0_u32) += 1;
        }
        let expected = [
            ((200, None), ceiling),
            ((403, Some("ceiling".to_owned())), 64 - ceiling),
        ];
        assert_eq!(answers, BTreeMap::from(expected));
        assert_eq!(bench.upstream.count(), ceiling as usize);
        assert_eq!(bench.calls().await.len(), ceiling as usize);
    }
}

#[tokio::test]
async fn a_refused_spending_gives_its_place_under_the_ceiling_back() {
    let bench = Bench::start_with(|config| config.ceilings.per_resource = 2).await;
    let params = scale_params();
    let first = bench.scale();
    let (status, body) = bench.call(&first, "infra.scale", &params).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    for _ in 0..5 {
        let (status, body) = bench.call(&first, "infra.scale", &params).await;
        assert_eq!(
            (status, &body["code"]),
            (StatusCode::CONFLICT, &json!("token_used"))
        );
    }
    let (status, body) = bench.call(&bench.scale(), "infra.scale", &params).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let third = bench.scale();
    let (status, body) = bench.call(&third, "infra.scale", &params).await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::FORBIDDEN, &json!("ceiling"))
    );
    let (_, body) = bench.call(&first, "infra.scale", &params).await;
    assert_eq!(
        body["code"], "token_used",
        "told so although the ceiling is reached"
    );
    assert_eq!(
        bench.calls().await.len(),
        2,
        "a refused call spends nothing"
    );
}

/// Sets a ceiling.
type Change = fn(&mut countersign_enforcer::Ceilings);

#[tokio::test]
async fn ceilings_of_single_tools_agents_and_the_tenant_hold() {
    let params = json!({"service_id": "payments"});
    let of_tool: Change = |ceilings| {
        ceilings.tools.insert("infra.get".parse().unwrap(), 2);
    };
    let of_agent: Change = |ceilings| {
        ceilings.agents.insert("remediator".parse().unwrap(), 2);
    };
    let changes: [(Change, &str); 3] = [
        (of_tool, "tool `infra.get`"),
        (of_agent, "agent `remediator`"),
        (|ceilings| ceilings.tenant = 2, "the tenant"),
    ];
    for (change, named) in changes {
        let bench = Bench::start_with(|config| change(&mut config.ceilings)).await;
        let lease = bench.sign(&bench.intent("infra.get", &params));
        for _ in 0..2 {
            let (status, body) = bench.call(&lease, "infra.get", &params).await;
            assert_eq!(status, StatusCode::OK, "{body}");
        }
        let (status, body) = bench.call(&lease, "infra.get", &params).await;
        assert_eq!(
            (status, &body["code"]),
            (StatusCode::FORBIDDEN, &json!("ceiling"))
        );
        let detail = format!("{named} reached its ceiling of 2 calls a minute");
        assert_eq!(body["detail"], detail);
    }
}

#[tokio::test]
async fn an_enforcer_that_does_not_hear_the_authority_is_not_ready() {
    let bench = Bench::start().await;
    let ready = async || bench.ask("GET", "/readyz", "", None).await;
    assert_eq!(ready().await.0, StatusCode::OK);
    bench.clock.advance(Duration::from_millis(5_001));
    let (status, body) = ready().await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    let failed: Vec<_> = body["checks"].as_array().unwrap().iter().collect();
    let failed = failed.into_iter().filter(|check| check["ok"] == false);
    let failed: Vec<_> = failed.map(|check| &check["name"]).collect();
    assert_eq!(failed, ["control"]);
    let (status, body) = bench
        .call(&bench.scale(), "infra.scale", &scale_params())
        .await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::SERVICE_UNAVAILABLE, &json!("control_stale"))
    );
    bench.put_control(&bench.control(2, &json!([]))).await;
    assert_eq!(ready().await.0, StatusCode::OK);
}

/// The answers of a flood wait for each other; a good call passes them, and nothing is spent.
#[tokio::test]
async fn a_flood_of_bad_tokens_is_slowed_down_and_cut_off_and_good_calls_pass_it() {
    let bench = Arc::new(Bench::start().await);
    let mut forged = bench.scale();
    let last = forged.pop().unwrap();
    forged.push(if last == 'A' { 'B' } else { 'A' });
    let request = || {
        let body = json!({"tool": "infra.scale", "params": scale_params()}).to_string();
        Request::post("/v1/calls")
            .header("authorization", format!("Bearer {AGENT}"))
            .header("intent-token", forged.as_str())
            .body(Body::from(body))
            .unwrap()
    };
    // All of them come at one moment.
    tokio::time::pause();
    let sent: Vec<_> = (0..2_000)
        .map(|_| {
            let answering = bench.router.clone().oneshot(request());
            bench.world.spawn("forged", async {
                let response = answering.await.unwrap();
                let closes = response.headers().get("connection").is_some();
                (response.status().as_u16(), closes)
            })
        })
        .collect();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    tokio::time::resume();
    assert_eq!(sent.iter().filter(|one| !one.is_finished()).count(), 1_024);
    let (status, body) = bench
        .call(&bench.scale(), "infra.scale", &scale_params())
        .await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let mut answers = BTreeMap::new();
    for one in sent {
        *answers.entry(one.await.unwrap()).or_insert(0_usize) += 1;
    }
    // 500 at once, 1,024 held, the rest sent away.
    let expected = [((401, false), 1_524), ((429, true), 476)];
    assert_eq!(answers, BTreeMap::from(expected));
    assert_eq!(bench.calls().await.len(), 1);
    assert_eq!(bench.upstream.count(), 1);
}
