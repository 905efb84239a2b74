//! What is answered when a call works.

use http::StatusCode;
use serde_json::{Value, json};

use super::TestServer;
use super::errors::conflict;

#[tokio::test]
async fn a_service_has_the_agreed_members() {
    let server = TestServer::new();
    let answer = server.tool("GET", "/v1/services", &Value::Null).await;
    let ids: Vec<_> = answer["services"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| &s["id"])
        .collect();
    assert_eq!(ids, ["auth", "db", "payments"]);
    let service = server
        .tool("GET", "/v1/services/payments", &Value::Null)
        .await;
    let mut members: Vec<_> = service
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    members.sort_unstable();
    let mut agreed = [
        "id",
        "status",
        "replicas",
        "ready_replicas",
        "version",
        "versions",
        "process",
        "cpu_percent",
        "memory_percent",
        "latency_ms",
        "error_rate",
        "requests_per_second",
        "depends_on",
        "env",
        "tier",
    ];
    agreed.sort_unstable();
    assert_eq!(members, agreed);
    assert_eq!(service["status"], "up");
    assert_eq!(service["replicas"], 3);
    assert_eq!(service["depends_on"], json!(["db", "auth"]));
    assert_eq!(service["versions"][1]["version"], "2.4.0");
    assert_eq!(service["process"]["state"], "running");
    assert!(service["process"].get("exit_code").is_none());
}

#[tokio::test]
async fn a_crash_is_seen_healed_and_gone() {
    let server = TestServer::new();
    let (status, fault) = server.inject("crash", "payments").await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(
        (&fault["kind"], &fault["target"]),
        (&json!("crash"), &json!("payments"))
    );
    server.pass(2_000).await;

    let alerts = server
        .tool("GET", "/v1/alerts?status=open", &Value::Null)
        .await;
    let alerts = alerts["alerts"].as_array().unwrap();
    assert_eq!(alerts.len(), 1);
    assert_eq!(alerts[0]["resource_id"], "payments");
    assert_eq!(alerts[0]["severity"], "critical");
    assert_eq!(alerts[0]["symptom"], "health_check_failing");
    assert_eq!(alerts[0]["status"], "open");
    let service = server
        .tool("GET", "/v1/services/payments", &Value::Null)
        .await;
    assert_eq!(service["status"], "down");
    assert_eq!(service["process"]["exit_code"], 137);

    let restarted = server
        .tool("POST", "/v1/services/payments/restart", &Value::Null)
        .await;
    assert_eq!(restarted["process"]["restarts"], 1);
    server.pass(2_000).await;
    let state = server.state().await;
    assert_eq!(state["faults"], json!([]));
    assert_eq!(state["alerts"][0]["status"], "resolved");
    let open = server
        .tool("GET", "/v1/alerts?status=open", &Value::Null)
        .await;
    assert_eq!(open["alerts"], json!([]));
}

#[tokio::test]
async fn a_bad_deploy_needs_an_earlier_version_with_or_without_a_body() {
    for body in [
        Value::Null,
        json!({}),
        json!({"version": null}),
        json!({"version": "2.4.0"}),
    ] {
        let server = TestServer::new();
        assert_eq!(
            server.inject("bad-deploy", "payments").await.0,
            StatusCode::CREATED
        );
        server.pass(2_000).await;
        server
            .tool("POST", "/v1/services/payments/restart", &Value::Null)
            .await;
        server.pass(2_000).await;
        let service = server
            .tool("GET", "/v1/services/payments", &Value::Null)
            .await;
        assert_eq!(
            (&service["status"], &service["version"]),
            (&json!("down"), &json!("2.4.1"))
        );
        server
            .tool("POST", "/v1/services/payments/rollback", &body)
            .await;
        server.pass(2_000).await;
        let service = server
            .tool("GET", "/v1/services/payments", &Value::Null)
            .await;
        assert_eq!(
            (&service["status"], &service["version"]),
            (&json!("up"), &json!("2.4.0"))
        );
    }
}

#[tokio::test]
async fn alerts_are_filtered_resolved_and_reported() {
    let server = TestServer::new();
    let body = json!({"resource_id": "auth", "severity": "info", "msg": "looks odd"}).to_string();
    let (status, alert) = server
        .send(
            Some(&server.operator),
            "POST",
            "/mcp/alerts/create",
            Some(&body),
        )
        .await;
    assert_eq!(status, StatusCode::CREATED);
    let none = server
        .tool(
            "GET",
            "/v1/alerts?status=open&severity=critical",
            &Value::Null,
        )
        .await;
    assert_eq!(none["alerts"], json!([]));
    let one = server
        .tool("GET", "/v1/alerts?severity=info", &Value::Null)
        .await;
    assert_eq!(one["alerts"], json!([alert]));

    let path = format!("/v1/alerts/{}/resolve", alert["id"].as_str().unwrap());
    let resolved = server.tool("POST", &path, &json!({"note": "fine"})).await;
    assert_eq!(
        (&resolved["status"], &resolved["note"]),
        (&json!("resolved"), &json!("fine"))
    );
    assert_eq!(
        server.refused("POST", &path, r#"{"note":"again"}"#).await,
        conflict()
    );
    assert_eq!(
        server.latest_actions(2).await,
        ["alert.resolve", "alert.create"]
    );
}

#[tokio::test]
async fn accounts_answer_what_was_done() {
    let server = TestServer::new();
    let sam = json!({"user_id": "sam", "name": "Sam", "email": "sam@example.com", "role": "dev"});
    let created = server.tool("POST", "/v1/users", &sam).await;
    assert_eq!(
        (&created["user_id"], &created["locked"]),
        (&json!("sam"), &json!(false))
    );
    let changed = server
        .tool("PUT", "/v1/users/sam/role", &json!({"role": "admin"}))
        .await;
    assert_eq!(changed["role"], "admin");
    let reset = server
        .tool("POST", "/v1/users/sam/password-reset", &Value::Null)
        .await;
    assert_eq!(reset["password_resets"], 1);
    assert_eq!(
        server
            .tool("POST", "/v1/users/sam/lock", &Value::Null)
            .await["locked"],
        true
    );
    assert_eq!(
        server
            .tool("POST", "/v1/users/sam/unlock", &Value::Null)
            .await["locked"],
        false
    );
    server.tool("DELETE", "/v1/users/sam", &Value::Null).await;
    let users = server.tool("GET", "/v1/users", &Value::Null).await;
    assert_eq!(users["users"].as_array().unwrap().len(), 4);
    assert_eq!(
        server.latest_actions(6).await,
        [
            "user.remove",
            "user.unlock",
            "user.lock",
            "user.password_reset",
            "user.role",
            "user.create",
        ]
    );
}

#[tokio::test]
async fn databases_and_keys_answer_what_was_done() {
    let server = TestServer::new();
    let backup = server
        .tool("POST", "/v1/databases/prod_db/backups", &Value::Null)
        .await;
    assert_eq!(
        (&backup["db_id"], &backup["records"]),
        (&json!("prod_db"), &json!(48_210))
    );
    let wiped = server
        .tool(
            "POST",
            "/v1/databases/prod_db/wipe",
            &json!({"confirm": "prod_db"}),
        )
        .await;
    assert_eq!(
        (&wiped["records"], &wiped["status"]),
        (&json!(0), &json!("empty"))
    );
    let from = json!({"backup_id": backup["backup_id"]});
    let restored = server
        .tool("POST", "/v1/databases/prod_db/restore", &from)
        .await;
    assert_eq!(
        (&restored["records"], &restored["status"]),
        (&json!(48_210), &json!("available"))
    );
    let key = server
        .tool("POST", "/v1/keys/auth/rotate", &Value::Null)
        .await;
    assert_eq!(key["rotations"], 1);
    assert_eq!(
        server.latest_actions(4).await,
        [
            "key.rotate",
            "database.restore",
            "database.wipe",
            "database.backup"
        ]
    );
}

#[tokio::test]
async fn faults_are_listed_cleared_and_reset() {
    let server = TestServer::new();
    let fresh = server.state().await["state_sha256"].clone();
    let (_, fault) = server.inject("memory-leak", "auth").await;
    let (_, listed) = server
        .send(Some(&server.operator), "GET", "/v1/faults", None)
        .await;
    assert_eq!(listed, json!({"faults": [fault]}));
    assert_ne!(server.state().await["state_sha256"], fresh);

    let path = format!("/v1/faults/{}", fault["fault_id"].as_str().unwrap());
    let (status, cleared) = server
        .send(Some(&server.operator), "DELETE", &path, None)
        .await;
    assert_eq!((status, &cleared), (StatusCode::OK, &fault));
    assert_eq!(
        server
            .send(Some(&server.operator), "DELETE", &path, None)
            .await
            .0,
        404
    );
    assert_eq!(server.state().await["state_sha256"], fresh);

    server.inject("storm", "12").await;
    server.inject("bad-deploy", "payments").await;
    server.pass(2_000).await;
    let (status, reset) = server.inject("reset", "").await;
    assert_eq!((status, &reset["kind"]), (StatusCode::OK, &json!("reset")));
    let state = server.state().await;
    assert_eq!(state["faults"], json!([]));
    assert_eq!(state["state_sha256"], fresh);
    assert!(
        state["alerts"]
            .as_array()
            .unwrap()
            .iter()
            .all(|alert| alert["status"] == "resolved")
    );
}

#[tokio::test]
async fn the_state_hash_ignores_time_and_reads() {
    let server = TestServer::new();
    server.inject("degrade", "payments").await;
    let before = server.state().await["state_sha256"].clone();
    server.tool("GET", "/v1/services", &Value::Null).await;
    server.tool("GET", "/v1/audit-log", &Value::Null).await;
    server
        .refused("POST", "/v1/services/nobody/restart", "")
        .await;
    server.pass(10_000).await;
    assert_eq!(server.state().await["state_sha256"], before);
    server
        .tool("POST", "/v1/services/auth/restart", &Value::Null)
        .await;
    assert_ne!(server.state().await["state_sha256"], before);
}
