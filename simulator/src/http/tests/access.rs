//! Who is let in where.

use countersign_service::credential::{KeyKind, SecretKey};
use countersign_service::random::Random;
use http::StatusCode;

use super::TestServer;

const TOOLS: [(&str, &str, &str); 19] = [
    ("GET", "/v1/services", ""),
    ("GET", "/v1/services/payments", ""),
    ("POST", "/v1/services/payments/restart", ""),
    ("POST", "/v1/services/payments/scale", r#"{"replicas":4}"#),
    ("POST", "/v1/services/payments/rollback", ""),
    ("POST", "/v1/services/payments/shutdown", ""),
    ("POST", "/v1/alerts/alr-1/resolve", r#"{"note":"x"}"#),
    ("GET", "/v1/users", ""),
    (
        "POST",
        "/v1/users",
        r#"{"user_id":"a","name":"a","email":"a","role":"a"}"#,
    ),
    ("DELETE", "/v1/users/maria", ""),
    ("PUT", "/v1/users/maria/role", r#"{"role":"x"}"#),
    ("POST", "/v1/users/maria/password-reset", ""),
    ("POST", "/v1/users/maria/lock", ""),
    ("POST", "/v1/users/maria/unlock", ""),
    ("POST", "/v1/databases/prod_db/backups", ""),
    (
        "POST",
        "/v1/databases/prod_db/restore",
        r#"{"backup_id":"bkp-nightly"}"#,
    ),
    (
        "POST",
        "/v1/databases/prod_db/wipe",
        r#"{"confirm":"prod_db"}"#,
    ),
    ("POST", "/v1/keys/payments/rotate", ""),
    ("GET", "/v1/audit-log", ""),
];

const OPERATORS_ONLY: [(&str, &str, &str); 5] = [
    ("GET", "/v1/state", ""),
    ("GET", "/v1/faults", ""),
    ("POST", "/v1/faults", r#"{"kind":"crash","target":"auth"}"#),
    ("DELETE", "/v1/faults/flt-1", ""),
    (
        "POST",
        "/mcp/alerts/create",
        r#"{"resource_id":"auth","severity":"info","msg":"x"}"#,
    ),
];

#[tokio::test]
async fn the_tool_api_opens_for_the_enforcer_alone() {
    let server = TestServer::new();
    let before = server.state().await["state_sha256"].clone();
    let stranger = SecretKey::generate(KeyKind::Upstream, &Random::seeded(99));
    for (method, path, body) in TOOLS {
        for (key, code) in [
            (None, "credential_missing"),
            (Some(&stranger), "credential_invalid"),
            (Some(&server.agent), "credential_invalid"),
            (Some(&server.operator), "credential_invalid"),
        ] {
            let (status, problem) = server.send(key, method, path, Some(body)).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{method} {path}");
            assert_eq!(problem["code"], code, "{method} {path}");
        }
    }
    assert_eq!(server.state().await["state_sha256"], before);
    for (method, path, body) in TOOLS {
        let (status, _) = server
            .send(Some(&server.enforcer), method, path, Some(body))
            .await;
        assert_ne!(status, StatusCode::UNAUTHORIZED, "{method} {path}");
    }
    assert_ne!(server.state().await["state_sha256"], before);
}

#[tokio::test]
async fn state_and_faults_open_for_operators_alone() {
    let server = TestServer::new();
    for (method, path, body) in OPERATORS_ONLY {
        for key in [None, Some(&server.enforcer), Some(&server.agent)] {
            let (status, _) = server.send(key, method, path, Some(body)).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{method} {path}");
        }
        let (status, _) = server
            .send(Some(&server.operator), method, path, Some(body))
            .await;
        assert_ne!(status, StatusCode::UNAUTHORIZED, "{method} {path}");
    }
}

#[tokio::test]
async fn alerts_open_for_the_enforcer_and_for_operators() {
    let server = TestServer::new();
    for (key, status) in [
        (None, StatusCode::UNAUTHORIZED),
        (Some(&server.agent), StatusCode::UNAUTHORIZED),
        (Some(&server.enforcer), StatusCode::OK),
        (Some(&server.operator), StatusCode::OK),
    ] {
        assert_eq!(server.send(key, "GET", "/v1/alerts", None).await.0, status);
    }
}

#[tokio::test]
async fn live_events_are_not_for_the_enforcer_or_agents() {
    let server = TestServer::new();
    for key in [None, Some(&server.enforcer), Some(&server.agent)] {
        let (status, _) = server.send(key, "GET", "/v1/events", None).await;
        assert!(status.is_client_error());
    }
}
