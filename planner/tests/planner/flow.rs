//! Runs from their goal to their end.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::bench::{Bench, get, post, until, until_ended, until_state};
use crate::fake::Mishap;

fn states(run: &Value) -> Vec<&str> {
    run["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["state"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn crashed_service_is_restarted_and_the_run_shows_every_part_of_it() {
    let bench = Bench::new().await;
    bench.fake.crash("payments", "infra.restart");
    let answer = bench.run("restore payments").await;
    assert_eq!(answer["status"], json!("completed"), "{answer:#}");
    assert_eq!(
        bench.fake.executed(),
        [r#"infra.restart {"service_id":"payments"}"#]
    );
    let run = &answer["run"];
    assert_eq!(run["source"], json!("runbook"));
    assert_eq!(run["runbook"], json!("restart-exited"));
    assert_eq!(run["requested_by"], json!("operator"));
    let step = &run["steps"][0];
    assert_eq!(step["state"], json!("done"));
    assert_eq!(step["verdict"], json!("allow"));
    assert_eq!(step["policies"], json!(["effect-service"]));
    assert_eq!(step["token"]["sub"], json!("remediator"));
    assert_eq!(step["receipt"], json!("receipt"));
    assert_eq!(step["outcome"], json!("done"));
    assert_eq!(step["before"]["status"], json!("down"));
    assert_eq!(step["after"]["status"], json!("up"));
    assert_eq!(
        step["check"],
        json!({"expect": "/status == \"up\"", "actual": "up", "passed": true})
    );
    assert_eq!(run["plan_ids"].as_array().unwrap().len(), 1);
    let moments: Vec<&str> = run["timeline"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["state"].as_str().unwrap())
        .collect();
    for state in [
        "sensing",
        "planning",
        "governing",
        "acting",
        "verifying",
        "completed",
    ] {
        assert!(moments.contains(&state), "{moments:?}");
    }
    assert!(
        !answer.to_string().contains("h.ey"),
        "no token text is shown"
    );
    let brief = &get(&bench.router, "/v1/runs").await["runs"][0];
    assert_eq!(brief["state"], json!("completed"));
    assert!(brief.get("sense").is_none() && brief["steps"][0].get("before").is_none());
}

#[tokio::test]
async fn well_world_and_unknown_goals_lead_to_no_action() {
    let bench = Bench::new().await;
    for goal in [
        "restore payments",
        "heal everything",
        "sing a song",
        "do not wipe prod_db",
    ] {
        let answer = bench.run(goal).await;
        assert_eq!(answer["status"], json!("no_action"), "{goal}: {answer:#}");
    }
    assert!(bench.fake.executed().is_empty());
}

#[tokio::test]
async fn denied_step_blocks_the_whole_plan_and_its_policy_is_named() {
    let bench = Bench::new().await;
    let answer = bench.run("restart auth and wipe prod_db").await;
    assert_eq!(answer["status"], json!("blocked"), "{answer:#}");
    assert_eq!(answer["reason"], json!("plan_denied"));
    assert!(
        answer["summary"]
            .as_str()
            .unwrap()
            .contains("data-is-sacred")
    );
    assert_eq!(states(&answer["run"]), ["skipped", "denied"]);
    assert_eq!(
        answer["run"]["steps"][1]["policies"],
        json!(["data-is-sacred"])
    );
    assert!(bench.fake.executed().is_empty());
}

#[tokio::test]
async fn run_waits_for_a_person_and_goes_on_after_a_yes() {
    let bench = Bench::new().await;
    let run = bench.start("shut down payments").await;
    let waiting = until(&bench.router, &run, |view| states(view) == ["waiting"]).await;
    assert_eq!(waiting["state"], json!("waiting"));
    assert!(
        waiting["steps"][0]["approval_id"]
            .as_str()
            .unwrap()
            .starts_with("apr_")
    );
    assert!(bench.fake.executed().is_empty());
    bench.fake.decide("approved");
    let ended = until_ended(&bench.router, &run).await;
    assert_eq!(ended["state"], json!("completed"), "{ended:#}");
    assert_eq!(
        bench.fake.executed(),
        [r#"infra.shutdown {"service_id":"payments"}"#]
    );
}

#[tokio::test]
async fn no_of_a_person_blocks_the_run() {
    let bench = Bench::new().await;
    let run = bench.start("restart auth, then shut down payments").await;
    until_state(&bench.router, &run, "waiting").await;
    assert_eq!(
        bench.fake.executed(),
        [r#"infra.restart {"service_id":"auth"}"#]
    );
    bench.fake.decide("denied");
    let ended = until_ended(&bench.router, &run).await;
    assert_eq!(ended["state"], json!("blocked"), "{ended:#}");
    assert_eq!(states(&ended), ["done", "denied"]);
    assert_eq!(bench.fake.executed().len(), 1);
}

#[tokio::test]
async fn short_form_answers_blocked_while_a_person_is_asked() {
    let bench = Bench::new().await;
    let answer = bench.run("shut down payments").await;
    assert_eq!(answer["status"], json!("blocked"));
    assert_eq!(answer["reason"], json!("waiting_for_approval"));
    assert_eq!(answer["approval_ids"].as_array().unwrap().len(), 1);
    assert_eq!(answer["run"]["state"], json!("waiting"));
    bench.fake.decide("approved");
    let ended = until_ended(&bench.router, answer["run_id"].as_str().unwrap()).await;
    assert_eq!(ended["state"], json!("completed"));
}

#[tokio::test]
async fn cancelled_run_withdraws_its_plan_and_does_nothing_more() {
    let bench = Bench::new().await;
    let run = bench.start("shut down payments").await;
    let waiting = until(&bench.router, &run, |view| states(view) == ["waiting"]).await;
    let path = format!("/v1/runs/{run}/cancel");
    let answer = post(&bench.router, &path, &json!({})).await;
    assert_eq!(
        (answer.status, &answer.body["state"]),
        (StatusCode::OK, &json!("cancelled"))
    );
    assert_eq!(states(&answer.body), ["skipped"]);
    let ended = until_ended(&bench.router, &run).await;
    assert_eq!(ended["summary"], json!("Withdrawn by operator"));
    let plan = waiting["plan_ids"][0].as_str().unwrap();
    assert!(
        bench
            .fake
            .lock()
            .cancelled
            .iter()
            .any(|cancelled| cancelled == plan)
    );
    assert!(bench.fake.executed().is_empty());
    let again = post(&bench.router, &path, &json!({})).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn remedy_that_does_not_help_is_tried_again_and_then_the_run_fails() {
    let bench = Bench::new().await;
    bench.fake.crash("payments", "nothing helps");
    let answer = bench.run("restore payments").await;
    assert_eq!(answer["status"], json!("failed"), "{answer:#}");
    assert_eq!(answer["reason"], json!("loop"));
    assert_eq!(bench.fake.executed().len(), 2);
    let superseded = answer["run"]["superseded"].as_array().unwrap();
    assert_eq!(superseded.len(), 2);
    assert_eq!(superseded[0]["steps"][0]["state"], json!("failed"));
    assert_eq!(superseded[0]["steps"][0]["check"]["passed"], json!(false));
}

#[tokio::test]
async fn second_attempt_that_helps_completes_the_run() {
    let bench = Bench::new().await;
    bench.fake.crash("payments", "infra.restart");
    for mishap in [Mishap::NotSent, Mishap::Error] {
        bench.fake.crash("payments", "infra.restart");
        bench.fake.lock().mishap = mishap;
        let answer = bench.run("restore payments").await;
        assert_eq!(
            answer["status"],
            json!("completed"),
            "{mishap:?} {answer:#}"
        );
        assert_eq!(answer["run"]["replans"], json!(1));
        assert_eq!(states(&answer["run"]), ["done"]);
    }
    assert_eq!(bench.fake.executed().len(), 2);
}

#[tokio::test]
async fn dependency_is_healed_before_what_depends_on_it() {
    let bench = Bench::new().await;
    bench.fake.crash("payments", "infra.restart");
    bench.fake.crash("db", "infra.restart");
    let answer = bench.run("heal all alerts").await;
    assert_eq!(answer["status"], json!("completed"), "{answer:#}");
    assert_eq!(
        bench.fake.executed(),
        [
            r#"infra.restart {"service_id":"db"}"#,
            r#"infra.restart {"service_id":"payments"}"#
        ]
    );
    assert_eq!(answer["run"]["plan_ids"].as_array().unwrap().len(), 2);
    assert_eq!(answer["run"]["replans"], json!(0));
}

#[tokio::test]
async fn refused_call_fails_the_run_and_is_shown_with_its_code() {
    let bench = Bench::new().await;
    for (status, code, state) in [
        (403, "params_mismatch", "failed"),
        (403, "killed", "blocked"),
    ] {
        bench.fake.lock().mishap = Mishap::Refuse(status, code);
        let answer = bench.run("restart auth").await;
        assert_eq!(answer["status"], json!(state), "{answer:#}");
        assert_eq!(answer["reason"], json!(code));
        assert_eq!(states(&answer["run"]), ["refused"]);
        assert_eq!(answer["run"]["steps"][0]["refusal"]["code"], json!(code));
    }
    bench.fake.lock().mishap = Mishap::Refuse(503, "overload");
    assert_eq!(
        bench.run("restart auth").await["status"],
        json!("completed"),
        "nothing was consumed"
    );
    assert_eq!(bench.fake.executed().len(), 1);
}

#[tokio::test]
async fn call_in_doubt_fails_the_run() {
    let bench = Bench::new().await;
    bench.fake.lock().mishap = Mishap::InDoubt;
    let answer = bench.run("restart auth").await;
    assert_eq!(answer["status"], json!("failed"), "{answer:#}");
    assert_eq!(answer["reason"], json!("call_in_doubt"));
    assert_eq!(states(&answer["run"]), ["in_doubt"]);
    assert_eq!(bench.fake.executed().len(), 1);
}

#[tokio::test]
async fn changed_policies_lead_to_another_plan() {
    let bench = Bench::new().await;
    bench.fake.lock().stale = 1;
    let answer = bench.run("restart auth").await;
    assert_eq!(answer["status"], json!("completed"), "{answer:#}");
    assert_eq!(answer["run"]["replans"], json!(1));
    assert_eq!(bench.fake.executed().len(), 1);
}

#[tokio::test]
async fn trigger_narrows_the_run_to_its_alert() {
    let bench = Bench::new().await;
    bench.fake.crash("payments", "infra.restart");
    bench.fake.crash("auth", "infra.restart");
    let body = json!({"goal": "look into it", "trigger": {"kind": "alert", "alert": "al-auth"}});
    let started = post(&bench.router, "/v1/runs", &body).await;
    let ended = until_ended(&bench.router, started.body["run_id"].as_str().unwrap()).await;
    assert_eq!(ended["state"], json!("completed"), "{ended:#}");
    assert_eq!(
        bench.fake.executed(),
        [r#"infra.restart {"service_id":"auth"}"#]
    );
}

#[tokio::test]
async fn authority_that_is_away_fails_the_run_with_the_reason() {
    let bench = Bench::with(|config| countersign_planner::Config {
        authority_url: "http://127.0.0.1:1".to_owned(),
        ..config
    })
    .await;
    let answer = bench.run("restart auth").await;
    assert_eq!(answer["status"], json!("failed"), "{answer:#}");
    assert_eq!(answer["reason"], json!("unreachable"));
}
