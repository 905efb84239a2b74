use axum::extract::FromRequestParts;
use http::Request;

use super::*;
use crate::directory::Sources;
use crate::random::Random;

struct Keys {
    agent: SecretKey,
    operator: SecretKey,
    service: SecretKey,
    upstream: SecretKey,
}

fn world() -> (Credentials, Keys) {
    let random = Random::seeded(3);
    let keys = Keys {
        agent: SecretKey::generate(KeyKind::Agent, &random),
        operator: SecretKey::generate(KeyKind::Operator, &random),
        service: SecretKey::generate(KeyKind::Service, &random),
        upstream: SecretKey::generate(KeyKind::Upstream, &random),
    };
    let agents = format!(
        "[[agent]]\nname = \"remediator\"\nautonomy = \"observe\"\nkey_sha256 = \"{}\"",
        keys.agent.hash()
    );
    let operators = format!(
        "[[operator]]\nname = \"alice\"\nroles = [\"approver\"]\nkey_sha256 = \"{}\"",
        keys.operator.hash()
    );
    let sources = Sources {
        agents: &agents,
        operators: &operators,
        ..Sources::default()
    };
    let directory = SharedDirectory::new(Directory::parse(sources).unwrap());
    let credentials = Credentials::new(directory)
        .with_service_key(keys.service.hash())
        .with_upstream_key(keys.upstream.hash());
    (credentials, keys)
}

async fn extract<T>(credentials: &Credentials, headers: &[(&str, &str)]) -> Result<T, Problem>
where
    T: FromRequestParts<Credentials, Rejection = Problem>,
{
    let mut request = Request::builder();
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (mut parts, ()) = request.body(()).unwrap().into_parts();
    T::from_request_parts(&mut parts, credentials).await
}

fn bearer(key: &SecretKey) -> String {
    format!("Bearer {}", key.expose())
}

fn code<T>(result: Result<T, Problem>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(problem) => problem.code(),
    }
}

#[tokio::test]
async fn each_extractor_takes_its_own_callers_and_forbids_the_others() {
    let (credentials, keys) = world();
    let rows = [
        (
            &keys.agent,
            [
                "ok",
                "forbidden",
                "forbidden",
                "forbidden",
                "ok",
                "forbidden",
            ],
        ),
        (
            &keys.operator,
            ["forbidden", "ok", "forbidden", "forbidden", "ok", "ok"],
        ),
        (
            &keys.service,
            ["forbidden", "forbidden", "ok", "forbidden", "ok", "ok"],
        ),
        (
            &keys.upstream,
            [
                "forbidden",
                "forbidden",
                "forbidden",
                "ok",
                "forbidden",
                "forbidden",
            ],
        ),
    ];
    for (key, expected) in rows {
        let value = bearer(key);
        let headers = [("authorization", value.as_str())];
        let found = [
            code(extract::<AgentCaller>(&credentials, &headers).await),
            code(extract::<OperatorCaller>(&credentials, &headers).await),
            code(extract::<ServiceCaller>(&credentials, &headers).await),
            code(extract::<UpstreamCaller>(&credentials, &headers).await),
            code(extract::<AnyCaller>(&credentials, &headers).await),
            code(extract::<ObserverCaller>(&credentials, &headers).await),
        ];
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn missing_and_unknown_credentials_are_told_apart() {
    let (credentials, keys) = world();
    let good = bearer(&keys.agent);
    let unknown = format!("{good}x");
    let cases: [(&[(&str, &str)], &str); 6] = [
        (&[], "credential_missing"),
        (&[("authorization", "Bearer ")], "credential_missing"),
        (&[("authorization", "Basic YTpi")], "credential_invalid"),
        (&[("authorization", unknown.as_str())], "credential_invalid"),
        (
            &[
                ("authorization", good.as_str()),
                ("authorization", good.as_str()),
            ],
            "credential_invalid",
        ),
        (&[("authorization", good.as_str())], "ok"),
    ];
    for (headers, expected) in cases {
        assert_eq!(
            code(extract::<AgentCaller>(&credentials, headers).await),
            expected,
            "{headers:?}"
        );
    }
}

#[tokio::test]
async fn api_key_header_stands_in_for_the_bearer() {
    let (credentials, keys) = world();
    let key = keys.operator.expose();
    let headers = [("x-api-key", key)];
    let ApiKeyOperator(operator) = extract(&credentials, &headers).await.unwrap();
    assert_eq!(operator.id.as_str(), "alice");
    let value = bearer(&keys.operator);
    let as_bearer = [("authorization", value.as_str())];
    assert_eq!(
        code(extract::<ApiKeyOperator>(&credentials, &as_bearer).await),
        "ok"
    );
    let agent = [("x-api-key", keys.agent.expose())];
    assert_eq!(
        code(extract::<ApiKeyOperator>(&credentials, &agent).await),
        "forbidden"
    );
    assert_eq!(
        code(extract::<ApiKeyOperator>(&credentials, &[]).await),
        "credential_missing"
    );
    let twice = [("x-api-key", key), ("x-api-key", key)];
    assert_eq!(
        code(extract::<ApiKeyOperator>(&credentials, &twice).await),
        "credential_invalid"
    );
}

#[tokio::test]
async fn role_is_required_by_name() {
    let (credentials, keys) = world();
    let value = bearer(&keys.operator);
    let alice: OperatorCaller = extract(&credentials, &[("authorization", value.as_str())])
        .await
        .unwrap();
    assert!(alice.require("approver").is_ok());
    assert!(alice.require_any(&["operator", "approver"]).is_ok());
    let problem = alice.require("operator").unwrap_err();
    assert_eq!(problem.code(), "forbidden");
    assert!(problem.detail().contains("operator"));
}

#[test]
fn generated_key_has_its_form_and_hides_itself() {
    let key = SecretKey::generate(KeyKind::Upstream, &Random::seeded(4));
    let body = key.expose().strip_prefix("cs_up_").unwrap();
    assert_eq!(body.len(), 43);
    assert!(!format!("{key:?} {:?}", key.hash()).contains(body));
    assert!(key.hash().verify(key.expose()));
    assert!(!key.hash().verify("cs_up_"));
}

#[test]
fn key_file_is_made_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("service.key");
    let random = Random::seeded(5);
    let one = SecretKey::read_or_generate(&path, KeyKind::Service, &random).unwrap();
    let two = SecretKey::read_or_generate(&path, KeyKind::Service, &random).unwrap();
    assert_eq!(one.expose(), two.expose());
}
