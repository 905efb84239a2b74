use std::collections::BTreeSet;

use countersign_intent::refusal::RefusalCode;
use http_body_util::BodyExt as _;
use serde_json::json;

use super::*;

async fn read(response: Response) -> Value {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&bytes).unwrap()
}

#[test]
fn every_type_comes_back_from_its_uri_and_code() {
    let mut codes = BTreeSet::new();
    for kind in ProblemType::all() {
        assert_eq!(ProblemType::from_uri(&kind.uri()).unwrap(), kind);
        assert_eq!(kind.code().parse::<ProblemType>().unwrap(), kind);
        assert!(kind.status().is_client_error() || kind.status().is_server_error());
        assert!(codes.insert(kind.code()), "`{kind}` stands for two types");
        assert!(
            kind.code()
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        );
    }
    assert!(ProblemType::from_uri("https://example.com/malformed").is_err());
}

#[test]
fn every_type_has_its_row_in_the_documentation() {
    let table = include_str!("../../../docs/problems.md");
    let rows: BTreeSet<(String, u16)> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .map(|row| {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            assert_eq!(cells.len(), 6, "a row has five cells: {row}");
            assert!(
                cells[1..5].iter().all(|cell| !cell.is_empty()),
                "an empty cell: {row}"
            );
            (
                cells[0].trim_end_matches('`').to_owned(),
                cells[1].parse().unwrap(),
            )
        })
        .collect();
    let types: BTreeSet<(String, u16)> = ProblemType::all()
        .map(|kind| (kind.code().to_owned(), kind.status().as_u16()))
        .collect();
    assert_eq!(rows, types);
}

#[tokio::test]
async fn denial_carries_reasons_policies_and_fields() {
    let reason = Reason {
        code: "protected".to_owned(),
        message: "databases are sacred".to_owned(),
        policy: Some("base.data".to_owned()),
    };
    let problem = Problem::new(ProblemType::PlanDenied, "step `wipe` is denied")
        .reasons([reason])
        .policies(["base.data"])
        .field("step", "wipe")
        .field("status", 200);
    let response = problem.into_response();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
    assert_eq!(
        read(response).await,
        json!({
            "type": "https://countersign.dev/problems/plan_denied",
            "title": "Policy denies the plan",
            "status": 403,
            "code": "plan_denied",
            "detail": "step `wipe` is denied",
            "reasons": [{"code": "protected", "message": "databases are sacred", "policy": "base.data"}],
            "policies": ["base.data"],
            "step": "wipe",
        })
    );
}

#[tokio::test]
async fn internal_problem_hides_what_failed() {
    let error = std::io::Error::other("password=hunter2");
    for problem in [
        Problem::internal(&error),
        Problem::new(ProblemType::Internal, "password=hunter2"),
    ] {
        let response = problem.into_response();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!read(response).await.to_string().contains("hunter2"));
    }
}

#[test]
fn unauthorized_challenges_and_overload_says_when_to_return() {
    let missing = Problem::new(ProblemType::CredentialMissing, "no credential").into_response();
    assert_eq!(
        missing.headers()[WWW_AUTHENTICATE],
        r#"Bearer realm="countersign""#
    );
    for kind in ProblemType::all() {
        let response = Problem::new(kind, "x").into_response();
        let unauthorized = response.status() == StatusCode::UNAUTHORIZED;
        assert_eq!(
            response.headers().contains_key(WWW_AUTHENTICATE),
            unauthorized,
            "{kind}"
        );
    }
    let later = Problem::new(ProblemType::TooManyRequests, "slow down")
        .retry_after(Duration::from_millis(2500))
        .into_response();
    assert_eq!(later.headers()[RETRY_AFTER], "2");
    let overload = Problem::new(ProblemType::OVERLOAD, "busy").into_response();
    assert_eq!(overload.headers()[RETRY_AFTER], "1");
}

#[test]
fn refusal_keeps_its_code_and_message() {
    let problem = Problem::from(Refusal::new(
        RefusalCode::TokenUsed,
        "the token ran already",
    ));
    assert_eq!(
        (problem.code(), problem.status().as_u16()),
        ("token_used", 409)
    );
    assert_eq!(problem.detail(), "the token ran already");
}

#[test]
fn document_survives_the_wire() {
    let document = Problem::new(ProblemType::Invalid, "no")
        .field("field", "steps[0].tool")
        .document();
    let text = serde_json::to_string(&document).unwrap();
    assert_eq!(
        serde_json::from_str::<ProblemDocument>(&text).unwrap(),
        document
    );
}

#[test]
fn chain_names_every_cause() {
    let cause = std::io::Error::other("disk on fire");
    let error = crate::files::FileError::Io {
        action: "read",
        path: "x".into(),
        source: cause,
    };
    assert_eq!(error_chain(&error), "cannot read `x`: disk on fire");
}
