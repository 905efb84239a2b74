//! Unknown ids, wrong states and bad bodies are told apart, and none of them changes anything.

use super::TestServer;

pub(super) fn conflict() -> (u16, String) {
    (409, "conflict".into())
}

async fn check(expected: (u16, &str), calls: &[(&str, &str, &str)]) {
    let server = TestServer::new();
    let before = server.state().await["state_sha256"].clone();
    for (method, path, body) in calls {
        let (status, code) = server.refused(method, path, body).await;
        assert_eq!((status, code.as_str()), expected, "{method} {path} {body}");
    }
    assert_eq!(server.state().await["state_sha256"], before);
}

#[tokio::test]
async fn what_does_not_exist_is_not_found() {
    let calls = [
        ("GET", "/v1/services/ledger", ""),
        ("POST", "/v1/services/ledger/restart", ""),
        (
            "POST",
            "/v1/services/payments/rollback",
            r#"{"version":"9.9.9"}"#,
        ),
        ("POST", "/v1/alerts/alr-none/resolve", r#"{"note":"x"}"#),
        ("DELETE", "/v1/users/nobody", ""),
        ("POST", "/v1/databases/other_db/backups", ""),
        (
            "POST",
            "/v1/databases/prod_db/restore",
            r#"{"backup_id":"none"}"#,
        ),
        ("POST", "/v1/keys/nobody/rotate", ""),
    ];
    check((404, "not_found"), &calls).await;
}

#[tokio::test]
async fn what_the_state_does_not_allow_is_a_conflict() {
    let calls = [
        (
            "POST",
            "/v1/services/payments/rollback",
            r#"{"version":"2.4.0"}"#,
        ),
        ("POST", "/v1/users/maria/unlock", ""),
        (
            "POST",
            "/v1/users",
            r#"{"user_id":"maria","name":"a","email":"a","role":"a"}"#,
        ),
    ];
    check((409, "conflict"), &calls).await;
}

#[tokio::test]
async fn bodies_and_queries_of_another_shape_are_invalid() {
    let calls = [
        ("POST", "/v1/services/payments/scale", r#"{"replicas":"4"}"#),
        (
            "POST",
            "/v1/services/payments/scale",
            r#"{"replicas":true}"#,
        ),
        ("POST", "/v1/services/payments/scale", r#"{"replicas":-1}"#),
        ("POST", "/v1/services/payments/scale", r#"{"replicas":101}"#),
        (
            "POST",
            "/v1/services/payments/scale",
            r#"{"replicas":4,"force":true}"#,
        ),
        ("POST", "/v1/services/payments/scale", "{}"),
        (
            "POST",
            "/v1/services/payments/rollback",
            r#"{"to":"2.3.1"}"#,
        ),
        (
            "POST",
            "/v1/users",
            r#"{"user_id":"","name":"a","email":"a","role":"a"}"#,
        ),
        ("PUT", "/v1/users/maria/role", r#"{"role":" "}"#),
        ("POST", "/v1/databases/prod_db/wipe", r#"{"confirm":true}"#),
        ("POST", "/v1/databases/prod_db/wipe", r#"{"confirm":"db"}"#),
        ("GET", "/v1/audit-log?limit=0", ""),
        ("GET", "/v1/audit-log?limit=many", ""),
        ("GET", "/v1/alerts?status=closed", ""),
        ("GET", "/v1/alerts?severity=high", ""),
        ("GET", "/v1/alerts?state=open", ""),
    ];
    check((422, "invalid"), &calls).await;
}

#[tokio::test]
async fn unreadable_bodies_are_malformed() {
    let calls = [
        ("POST", "/v1/services/payments/scale", "{"),
        (
            "POST",
            "/v1/services/payments/scale",
            r#"{"replicas":4,"replicas":5}"#,
        ),
        ("POST", "/v1/services/payments/rollback", "version"),
    ];
    check((400, "malformed"), &calls).await;
}

#[tokio::test]
async fn impossible_faults_are_refused() {
    let server = TestServer::new();
    assert_eq!(server.inject("volcano", "payments").await.0, 422);
    assert_eq!(server.inject("crash", "ledger").await.0, 404);
    assert_eq!(server.inject("crash", "").await.0, 404);
    assert_eq!(server.inject("storm", "payments").await.0, 422);
    assert_eq!(server.inject("crash", "auth").await.0, 201);
    assert_eq!(server.inject("crash", "auth").await.0, 409);
}
