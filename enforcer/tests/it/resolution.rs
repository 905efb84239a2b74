//! Operators settle doubts, once, with evidence.

use countersign_intent::jws;
use http::StatusCode;
use serde_json::{Value, json};

use crate::approvals::approved_call;
use crate::bench::{AGENT, Bench, OPERATOR, SECOND, SERVICE, scale_params};
use crate::upstream::Manner;

async fn doubtful() -> (Bench, String) {
    let bench = Bench::start().await;
    bench.upstream.behave(Manner::Break);
    let (_, body) = bench
        .call(&bench.scale(), "infra.scale", &scale_params())
        .await;
    let path = format!("/v1/calls/{}/resolution", body["attempt"].as_str().unwrap());
    bench.upstream.behave(Manner::Answer(200, "{}".to_owned()));
    (bench, path)
}

fn word(resolution: &str) -> Value {
    json!({"resolution": resolution, "evidence": "the service's log", "reason": "it says so"})
}

#[tokio::test]
async fn doubt_is_settled_once_and_frees_the_resource() {
    let (bench, path) = doubtful().await;
    let (status, call) = bench
        .ask("POST", &path, OPERATOR, Some(&word("not_executed")))
        .await;
    assert_eq!(status, StatusCode::OK, "{call}");
    assert_eq!(
        (&call["state"], &call["resolution"]),
        (&json!("resolved"), &json!("not_executed"))
    );
    let receipt = jws::peek(call["receipt"].as_str().unwrap()).unwrap();
    assert_eq!(receipt["outcome"], "resolved_not_executed");
    let (status, body) = bench
        .ask("POST", &path, OPERATOR, Some(&word("executed")))
        .await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::CONFLICT, &json!("conflict"))
    );
    let (_, state) = bench
        .ask(
            "GET",
            &format!("/v1/intents/{}", call["jti"].as_str().unwrap()),
            SERVICE,
            None,
        )
        .await;
    assert_eq!(
        (&state["state"], &state["resolution"]),
        (&json!("resolved"), &json!("not_executed"))
    );
    let (status, body) = bench
        .call(&bench.scale(), "infra.scale", &scale_params())
        .await;
    assert_eq!(status, StatusCode::OK, "{body}");
}

#[tokio::test]
async fn only_people_settle_and_only_with_evidence() {
    let (bench, path) = doubtful().await;
    let (status, _) = bench
        .ask("POST", &path, AGENT, Some(&word("executed")))
        .await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let empty = json!({"resolution": "executed", "evidence": " ", "reason": "x"});
    let (status, body) = bench.ask("POST", &path, OPERATOR, Some(&empty)).await;
    assert_eq!(
        (status, &body["field"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("evidence"))
    );
    let unknown = "/v1/calls/att_01ARZ3NDEKTSV4RRFFQ69G5FAV/resolution";
    let (status, _) = bench
        .ask("POST", unknown, OPERATOR, Some(&word("executed")))
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn call_that_is_done_cannot_be_resolved() {
    let bench = Bench::start().await;
    let (_, body) = bench
        .call(&bench.scale(), "infra.scale", &scale_params())
        .await;
    let path = format!("/v1/calls/{}/resolution", body["attempt"].as_str().unwrap());
    let (status, body) = bench
        .ask("POST", &path, OPERATOR, Some(&word("not_executed")))
        .await;
    assert_eq!(
        (status, &body["state"]),
        (StatusCode::CONFLICT, &json!("done"))
    );
}

/// A wipe in doubt: a call that takes two people's word.
async fn doubtful_wipe() -> (Bench, String) {
    let bench = Bench::start().await;
    bench.upstream.behave(Manner::Break);
    let params = json!({"db_id": "prod_db"});
    let people = [("alice", &bench.alice), ("bob", &bench.bob)];
    let (status, body) = approved_call(&bench, "data.wipe", &params, &people).await;
    assert_eq!(
        (status, &body["outcome"]),
        (StatusCode::OK, &json!("in_doubt"))
    );
    let path = format!("/v1/calls/{}/resolution", body["attempt"].as_str().unwrap());
    (bench, path)
}

#[tokio::test]
async fn what_cannot_be_undone_takes_the_same_word_of_two_people() {
    let (bench, path) = doubtful_wipe().await;
    let show = path.trim_end_matches("/resolution");
    assert_eq!(
        bench.ask("GET", show, OPERATOR, None).await.1["people_needed"],
        2
    );
    for _ in 0..2 {
        let (status, call) = bench
            .ask("POST", &path, OPERATOR, Some(&word("not_executed")))
            .await;
        assert_eq!(status, StatusCode::ACCEPTED, "{call}");
        assert_eq!(
            (&call["state"], &call["people_needed"]),
            (&json!("in_doubt"), &json!(1)),
            "nobody is two people"
        );
        assert_eq!(call["words"].as_array().unwrap().len(), 1);
    }
    let (status, body) = bench
        .ask("POST", &path, SECOND, Some(&word("executed")))
        .await;
    assert_eq!(
        (status, &body["code"], &body["said"]),
        (
            StatusCode::CONFLICT,
            &json!("conflict"),
            &json!("not_executed")
        )
    );
    let (_, list) = bench
        .ask("GET", "/v1/calls?state=in_doubt", OPERATOR, None)
        .await;
    assert_eq!(list["calls"][0]["words"][0]["by"], "operator");
    let jti = list["calls"][0]["jti"].as_str().unwrap().to_owned();
    let intent = format!("/v1/intents/{jti}");
    let (_, state) = bench.ask("GET", &intent, SERVICE, None).await;
    assert_eq!(state["state"], "in_doubt", "one word frees nothing");

    let (status, call) = bench
        .ask("POST", &path, SECOND, Some(&word("not_executed")))
        .await;
    assert_eq!(status, StatusCode::OK, "{call}");
    assert_eq!(call["resolution"], "not_executed");
    let people: Vec<_> = call["words"].as_array().unwrap().iter().collect();
    assert_eq!(
        (&people[0]["by"], &people[1]["by"]),
        (&json!("operator"), &json!("second"))
    );
    let (_, shown) = bench.ask("GET", show, OPERATOR, None).await;
    assert_eq!(shown["words"][1]["evidence"], "the service's log");
    assert!(shown.get("people_needed").is_none());
    let (status, _) = bench
        .ask("POST", &path, OPERATOR, Some(&word("not_executed")))
        .await;
    assert_eq!(status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn both_words_stand_in_the_ledger_and_survive_a_restart() {
    let (bench, path) = doubtful_wipe().await;
    let (status, _) = bench
        .ask("POST", &path, SECOND, Some(&word("executed")))
        .await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let bench = bench.restart().await;
    let (status, call) = bench
        .ask("POST", &path, OPERATOR, Some(&word("executed")))
        .await;
    assert_eq!(status, StatusCode::OK, "{call}");
    let (_, page) = bench
        .ask("GET", "/v1/ledger/entries?limit=100", OPERATOR, None)
        .await;
    let resolves: Vec<Value> = page["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| serde_json::from_str::<Value>(entry["record"].as_str().unwrap()).unwrap())
        .filter(|record| record["kind"] == "resolve")
        .map(|record| record["body"].clone())
        .collect();
    assert_eq!(resolves.len(), 2);
    assert_eq!(resolves[0]["word"]["by"], "second");
    assert_eq!(resolves[1]["words"].as_array().unwrap().len(), 2);
    assert_eq!(resolves[1]["resolution"], "executed");
}

#[tokio::test]
async fn one_may_take_back_ones_own_word() {
    let (bench, path) = doubtful_wipe().await;
    bench
        .ask("POST", &path, OPERATOR, Some(&word("executed")))
        .await;
    let (status, call) = bench
        .ask("POST", &path, OPERATOR, Some(&word("not_executed")))
        .await;
    assert_eq!(
        (status, &call["words"][0]["resolution"]),
        (StatusCode::ACCEPTED, &json!("not_executed"))
    );
    let (status, call) = bench
        .ask("POST", &path, SECOND, Some(&word("not_executed")))
        .await;
    assert_eq!(status, StatusCode::OK, "{call}");
}

#[tokio::test]
async fn word_of_somebody_who_left_counts_no_more() {
    for said in ["executed", "not_executed"] {
        let (bench, path) = doubtful_wipe().await;
        let (status, _) = bench.ask("POST", &path, SECOND, Some(&word(said))).await;
        assert_eq!(status, StatusCode::ACCEPTED);
        let file = bench.folder.path().join("policies/operators.toml");
        let people = std::fs::read_to_string(&file).unwrap();
        let (before, after) = people
            .split_once("[[operator]]\nname = \"second\"")
            .unwrap();
        let (_, after) = after.split_once("[[operator]]").unwrap();
        std::fs::write(&file, format!("{before}[[operator]]{after}")).unwrap();
        let bench = bench.restart().await;
        let (status, call) = bench
            .ask("POST", &path, OPERATOR, Some(&word("executed")))
            .await;
        assert_eq!(status, StatusCode::ACCEPTED, "{said}: {call}");
        assert_eq!(call["people_needed"], 1, "{call}");
        assert_eq!(call["words"].as_array().unwrap().len(), 1, "{call}");
    }
}
