//! The ledger, the description of the interface, and receipts on their way to the authority.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use countersign_ledger::{Entry, verify};
use countersign_service::openapi::unserved;
use serde_json::{Value, json};
use sqlx::Connection as _;
use tokio::net::TcpListener;

use crate::bench::{AGENT, Bench, OPERATOR, scale_params};

pub(crate) async fn entries(bench: &Bench) -> Vec<Value> {
    let (_, page) = bench
        .ask("GET", "/v1/ledger/entries?limit=100", OPERATOR, None)
        .await;
    page["entries"].as_array().unwrap().clone()
}

fn kinds(entries: &[Value]) -> Vec<String> {
    let record = |entry: &Value| -> Value {
        serde_json::from_str(entry["record"].as_str().unwrap()).unwrap()
    };
    entries
        .iter()
        .map(|entry| record(entry)["kind"].as_str().unwrap().to_owned())
        .collect()
}

/// Lets the tasks that wait on the clock do their work.
async fn pass(bench: &Bench, time: Duration) {
    for _ in 0..20 {
        bench.clock.advance(time / 20);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn ledger_tells_the_story_in_an_intact_chain() {
    let bench = Bench::start().await;
    let token = bench.scale();
    bench
        .call(
            &token,
            "infra.scale",
            &json!({"service_id": "payments", "replicas": 5}),
        )
        .await;
    bench.call(&token, "infra.scale", &scale_params()).await;
    let params = json!({"service_id": "payments"});
    let lease = bench.sign(&bench.intent("infra.get", &params));
    bench.call(&lease, "infra.get", &params).await;
    bench.call(&lease, "infra.get", &params).await;
    pass(&bench, Duration::from_secs(2)).await;
    let entries = entries(&bench).await;
    let mut found = kinds(&entries);
    assert_eq!(found[..4], ["boot", "control", "consume", "outcome"]);
    found.split_off(4).sort();
    let records: Vec<&str> = entries
        .iter()
        .map(|entry| entry["record"].as_str().unwrap())
        .collect();
    let consume = records
        .iter()
        .find(|record| record.contains(r#""kind":"consume""#))
        .unwrap();
    assert!(
        consume.contains(&token),
        "the spent token stands in its record"
    );
    let refuse = records
        .iter()
        .find(|record| record.contains(r#""kind":"refuse""#))
        .unwrap();
    assert!(refuse.contains("params_mismatch"), "{refuse}");
    let reads = records
        .iter()
        .find(|record| record.contains(r#""reads""#))
        .unwrap();
    assert!(reads.contains(r#""done":2"#), "{reads}");
    assert!(!reads.contains(&lease));
    let chain = entries.iter().map(|entry| Entry {
        index: entry["index"].as_u64().unwrap(),
        leaf: entry["leaf"].as_str().unwrap().parse().unwrap(),
        record: entry["record"].as_str().unwrap().to_owned(),
    });
    verify(chain).unwrap();
}

#[tokio::test]
async fn last_records_are_written_on_the_way_out() {
    let bench = Bench::start().await;
    let params = json!({"service_id": "payments"});
    bench
        .call(
            &bench.sign(&bench.intent("infra.get", &params)),
            "infra.get",
            &params,
        )
        .await;
    bench.call("x", "infra.get", &params).await;
    let bench = bench.restart().await;
    let found = kinds(&entries(&bench).await);
    assert_eq!(found, ["boot", "control", "outcome", "refuse", "boot"]);
}

#[tokio::test]
async fn reads_that_could_not_be_recorded_are_recorded_later() {
    let bench = Bench::start().await;
    let params = json!({"service_id": "payments"});
    let lease = bench.sign(&bench.intent("infra.get", &params));
    let url = format!(
        "sqlite://{}",
        bench.folder.path().join("enforcer.db").display()
    );
    let mut saboteur = sqlx::AnyConnection::connect(&url).await.unwrap();
    let rename = |from, to| sqlx::AssertSqlSafe(format!("ALTER TABLE {from} RENAME TO {to}"));
    sqlx::query(rename("receipt", "hidden"))
        .execute(&mut saboteur)
        .await
        .unwrap();
    bench.call(&lease, "infra.get", &params).await;
    pass(&bench, Duration::from_secs(2)).await;
    assert!(!kinds(&entries(&bench).await).contains(&"outcome".to_owned()));

    sqlx::query(rename("hidden", "receipt"))
        .execute(&mut saboteur)
        .await
        .unwrap();
    bench.call(&lease, "infra.get", &params).await;
    pass(&bench, Duration::from_secs(2)).await;
    let entries = entries(&bench).await;
    let records: Vec<&str> = entries
        .iter()
        .map(|entry| entry["record"].as_str().unwrap())
        .collect();
    assert!(
        records.iter().any(|record| record.contains(r#""done":2"#)),
        "{records:#?}"
    );
}

#[tokio::test]
async fn changed_catalogue_is_followed_and_a_broken_one_is_not() {
    let bench = Bench::start().await;
    let path = bench.folder.path().join("policies/tools/tools.toml");
    let good = std::fs::read_to_string(&path).unwrap();
    let (token, later) = (bench.scale(), bench.scale());
    std::fs::write(&path, "[[tool]]\nname = 1\n").unwrap();
    pass(&bench, Duration::from_secs(3)).await;
    assert_eq!(
        bench.ask("GET", "/healthz", "", None).await.1["status"],
        "degraded"
    );
    assert_eq!(
        bench
            .call(&token, "infra.scale", &scale_params())
            .await
            .0
            .as_u16(),
        200
    );
    std::fs::write(&path, good.replace("Set the number", "Change the number")).unwrap();
    pass(&bench, Duration::from_secs(3)).await;
    bench.put_control(&bench.control(1, &json!([]))).await;
    let (_, body) = bench.call(&later, "infra.scale", &scale_params()).await;
    assert_eq!(body["code"], "tool_changed");
    let (_, health) = bench.ask("GET", "/healthz", "", None).await;
    assert_eq!(health["status"], "ok", "{health}");
}

#[tokio::test]
async fn every_described_path_is_served() {
    let bench = Bench::start().await;
    assert_eq!(
        unserved(&countersign_enforcer::openapi(), &bench.router).await,
        []
    );
}

#[tokio::test]
async fn ledger_and_events_are_not_for_agents() {
    let bench = Bench::start().await;
    for path in ["/v1/ledger/entries", "/v1/events"] {
        assert_eq!(
            bench.ask("GET", path, AGENT, None).await.0.as_u16(),
            403,
            "{path}"
        );
    }
}

/// An authority that hands out control and takes receipts, failing the first time.
#[derive(Clone, Default)]
struct Authority {
    received: Arc<Mutex<Vec<Value>>>,
    failed: Arc<Mutex<bool>>,
    control: Arc<Mutex<Value>>,
}

#[tokio::test]
async fn control_is_polled_and_each_receipt_reaches_the_authority() {
    let authority = Authority::default();
    let (taking, telling) = (authority.clone(), authority.clone());
    let app = Router::new()
        .route(
            "/v1/receipts",
            post(async move |body: axum::Json<Value>| {
                let mut failed = taking.failed.lock().unwrap();
                if !*failed {
                    *failed = true;
                    return Err(http::StatusCode::SERVICE_UNAVAILABLE);
                }
                let receipts = body["receipts"].as_array().unwrap().clone();
                let accepted = receipts.len();
                taking.received.lock().unwrap().extend(receipts);
                Ok(axum::Json(json!({"accepted": accepted})))
            }),
        )
        .route(
            "/v1/control",
            get(async move || axum::Json(telling.control.lock().unwrap().clone())),
        );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let bench = Bench::start_with(|config| config.authority = Some(url.parse().unwrap())).await;
    *authority.control.lock().unwrap() = bench.control(3, &json!([]));
    drop(bench.world.spawn_until_cancelled("authority", async move {
        axum::serve(listener, app).await.unwrap();
    }));
    let (_, body) = bench
        .call(&bench.scale(), "infra.scale", &scale_params())
        .await;
    for _ in 0..100 {
        pass(&bench, Duration::from_secs(1)).await;
        if !authority.received.lock().unwrap().is_empty() {
            break;
        }
    }
    assert_eq!(
        *authority.received.lock().unwrap(),
        [body["receipt"].clone()]
    );
    let (status, _) = bench.put_control(&bench.control(2, &json!([]))).await;
    assert_eq!(status.as_u16(), 409, "generation 3 was polled");
    assert_eq!(bench.ask("GET", "/readyz", "", None).await.0.as_u16(), 200);
}
