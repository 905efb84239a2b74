//! `/v1/plans/{plan_id}/steps/{step}/token`

use countersign_intent::receipt::Outcome;
use countersign_intent::token::Use;
use serde_json::{Value, json};

use crate::plans::restart;
use crate::world::World;

impl World {
    /// Asks for a token, which must come, and gives its text.
    pub(crate) async fn minted(&self, who: &str, plan: &Value, step: &str) -> String {
        let issued = self.token(who, plan, step, json!({})).await.ok(201);
        issued["token"].as_str().unwrap().to_owned()
    }

    /// The receipt of a call with `token`.
    pub(crate) async fn receipt(
        &self,
        token: &str,
        outcome: Outcome,
        status: Option<u16>,
    ) -> String {
        let verified = self.verify(token).await;
        self.enforcer
            .receipt(token, verified.get(), outcome, status)
    }

    /// Delivers a receipt as the enforcer does.
    pub(crate) async fn deliver(&self, receipt: &str) {
        let answer = self
            .call(
                "service",
                "POST",
                "/v1/receipts",
                &json!({"receipts": [receipt]}),
            )
            .await;
        assert_eq!(answer.ok(200)["accepted"], 1);
    }
}

fn two_steps() -> Value {
    let check = json!({
        "id": "s2", "tool": "infra.get", "params": {"service_id": "payments"}, "after": ["s1"],
    });
    json!([restart("s1"), check])
}

#[tokio::test]
async fn a_step_waits_for_the_success_of_those_before_it() {
    let world = World::new().await;
    let plan = world.submit("remediator", two_steps()).await;
    world
        .token("remediator", &plan, "s2", json!({}))
        .await
        .refused(409, "step_not_ready");
    let token = world.minted("remediator", &plan, "s1").await;
    world
        .token("remediator", &plan, "s2", json!({}))
        .await
        .refused(409, "step_not_ready");
    world
        .deliver(&world.receipt(&token, Outcome::Done, Some(200)).await)
        .await;
    assert_eq!(world.plan(&plan).await["steps"][0]["state"], "done");
    let token = world.minted("remediator", &plan, "s2").await;
    assert_eq!(
        world.verify(&token).await.get().call().use_,
        Use::Lease,
        "reads get leases"
    );
    world
        .deliver(&world.receipt(&token, Outcome::Done, Some(200)).await)
        .await;
    assert_eq!(world.plan(&plan).await["state"], "done");
    world
        .token("remediator", &plan, "s2", json!({}))
        .await
        .refused(409, "step_closed");
}

#[tokio::test]
async fn a_token_request_may_bring_the_receipts_itself() {
    let world = World::new().await;
    let plan = world.submit("remediator", two_steps()).await;
    let token = world.minted("remediator", &plan, "s1").await;
    let receipt = world.receipt(&token, Outcome::Done, Some(204)).await;
    let body = json!({"receipts": [receipt]});
    world.token("remediator", &plan, "s2", body).await.ok(201);
}

#[tokio::test]
async fn a_failed_step_ends_its_plan() {
    let world = World::new().await;
    let plan = world.submit("remediator", two_steps()).await;
    let token = world.minted("remediator", &plan, "s1").await;
    world
        .deliver(&world.receipt(&token, Outcome::Done, Some(503)).await)
        .await;
    let after = world.plan(&plan).await;
    assert_eq!(
        (
            after["state"].as_str(),
            after["steps"][0]["status"].as_u64()
        ),
        (Some("failed"), Some(503))
    );
    world
        .token("remediator", &plan, "s2", json!({}))
        .await
        .refused(409, "plan_closed");
}

#[tokio::test]
async fn a_step_in_doubt_stops_its_plan() {
    let world = World::new().await;
    let plan = world
        .submit(
            "remediator",
            json!([restart("s1"), {"id": "s2", "tool": "infra.list"}]),
        )
        .await;
    let token = world.minted("remediator", &plan, "s1").await;
    world
        .deliver(&world.receipt(&token, Outcome::InDoubt, None).await)
        .await;
    world
        .token("remediator", &plan, "s1", json!({}))
        .await
        .refused(409, "token_outstanding");
    world
        .token("remediator", &plan, "s2", json!({}))
        .await
        .refused(409, "step_not_ready");
    let resolved = world
        .receipt(&token, Outcome::ResolvedNotExecuted, None)
        .await;
    world.deliver(&resolved).await;
    world
        .token("remediator", &plan, "s1", json!({}))
        .await
        .ok(201);
    world
        .token("remediator", &plan, "s2", json!({}))
        .await
        .ok(201);
}

#[tokio::test]
async fn a_second_token_is_issued_only_after_the_first_expired_unused() {
    let world = World::new().await;
    let plan = world.submit("remediator", json!([restart("s1")])).await;
    let first = world.minted("remediator", &plan, "s1").await;
    let jti = world.verify(&first).await.get().jti.clone();
    world
        .token("remediator", &plan, "s1", json!({}))
        .await
        .refused(409, "token_outstanding");
    world.advance(60);
    world.enforcer.says(jti.as_str(), "consumed");
    world
        .token("remediator", &plan, "s1", json!({}))
        .await
        .refused(409, "token_outstanding");
    world.enforcer.set_silent(true);
    world
        .token("remediator", &plan, "s1", json!({}))
        .await
        .refused(409, "token_outstanding");
    world.enforcer.set_silent(false);
    world.enforcer.says(jti.as_str(), "unused");
    let second = world.minted("remediator", &plan, "s1").await;
    assert_ne!(world.verify(&second).await.get().jti, jti);
}

#[tokio::test]
async fn a_call_that_was_not_sent_may_be_tried_with_a_new_token() {
    let world = World::new().await;
    let plan = world.submit("remediator", json!([restart("s1")])).await;
    let first = world.minted("remediator", &plan, "s1").await;
    world
        .deliver(&world.receipt(&first, Outcome::NotSent, None).await)
        .await;
    let second = world.minted("remediator", &plan, "s1").await;
    assert_ne!(first, second);
    world
        .deliver(&world.receipt(&second, Outcome::Done, Some(200)).await)
        .await;
    assert_eq!(world.plan(&plan).await["state"], "done");
}

#[tokio::test]
async fn tasks_that_race_for_one_step_get_one_token() {
    let world = World::new().await;
    let plan = world.submit("remediator", json!([restart("s1")])).await;
    let ask = || world.token("remediator", &plan, "s1", json!({}));
    let answers = futures_util::future::join_all((0..8).map(|_| ask())).await;
    let issued = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(issued, 1);
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        answer.refused(409, "token_outstanding");
    }
}

#[tokio::test]
async fn a_plan_of_yesterday_s_policies_gets_no_token() {
    let world = World::new().await;
    let plan = world.submit("remediator", json!([restart("s1")])).await;
    world.change_policies().await;
    world
        .token("remediator", &plan, "s1", json!({}))
        .await
        .refused(409, "plan_stale");
    let again = world.submit("remediator", json!([restart("s1")])).await;
    assert_ne!(again["bundle"], plan["bundle"]);
    world
        .token("remediator", &again, "s1", json!({}))
        .await
        .ok(201);
}

#[tokio::test]
async fn nothing_is_issued_while_it_is_stopped() {
    let world = World::new().await;
    let plan = world.submit("remediator", json!([restart("s1")])).await;
    let id = plan["plan_id"].as_str().unwrap();
    let scopes = [
        "all",
        "tenant:default",
        "agent:remediator",
        "tool:infra.restart",
        &format!("plan:{id}"),
    ];
    for scope in scopes {
        let command = |action: &str| json!({"action": action, "scope": scope, "reason": "drill"});
        world
            .call("operator", "POST", "/v1/control", &command("freeze"))
            .await
            .ok(200);
        world
            .token("remediator", &plan, "s1", json!({}))
            .await
            .refused(403, "killed");
        world
            .call("operator", "POST", "/v1/control", &command("thaw"))
            .await
            .ok(200);
    }
    let other = json!({"action": "freeze", "scope": "tool:infra.scale"});
    world
        .call("operator", "POST", "/v1/control", &other)
        .await
        .ok(200);
    world
        .token("remediator", &plan, "s1", json!({}))
        .await
        .ok(201);
}

#[tokio::test]
async fn bounded_parameters_are_given_with_the_token_request() {
    let world = World::new().await;
    let scale = json!({
        "id": "s1", "tool": "infra.scale", "params": {"service_id": "payments"},
        "bounds": {"replicas": {"type": "integer", "minimum": 3, "maximum": 6}},
    });
    let plan = world.submit("remediator", json!([scale])).await;
    assert_eq!(plan["verdict"], "allow");
    assert!(
        plan["steps"][0].get("request").is_none(),
        "what is sent is not known yet"
    );
    let ask = async |params: Value| {
        world
            .token("remediator", &plan, "s1", json!({"params": params}))
            .await
    };
    ask(json!({})).await.refused(422, "bounds_exceeded");
    ask(json!({"replicas": 7}))
        .await
        .refused(422, "bounds_exceeded");
    ask(json!({"replicas": 4, "service_id": "db"}))
        .await
        .refused(403, "params_mismatch");
    let issued = ask(json!({"replicas": 4})).await.ok(201);
    let verified = world.verify(issued["token"].as_str().unwrap()).await;
    let exact = json!({"service_id": "payments", "replicas": 4});
    let expected = countersign_intent::digest::Digest::of_json(&exact);
    assert_eq!(verified.get().call().params_sha256, expected);
}

#[tokio::test]
async fn bounds_are_judged_at_their_edges() {
    let world = World::new().await;
    let scale = |maximum: u32| {
        json!([{
            "id": "s1", "tool": "infra.scale", "params": {"service_id": "payments"},
            "bounds": {"replicas": {"type": "integer", "minimum": 3, "maximum": maximum}},
        }])
    };
    assert_eq!(
        world.submit("remediator", scale(9)).await["verdict"],
        "allow"
    );
    let asks = world.submit("remediator", scale(30)).await;
    assert_eq!(asks["verdict"], "needs_approval");
    let policies = asks["steps"][0]["policies"].as_array().unwrap();
    assert!(
        policies.contains(&json!("scale-above-twenty-asks")),
        "{policies:?}"
    );
    let any_service = json!([{
        "id": "s1", "tool": "infra.restart", "params": {},
        "bounds": {"service_id": {"type": "string", "maxLength": 20}},
    }]);
    let denied = world.submit("remediator", any_service).await;
    assert_eq!(denied["verdict"], "deny", "an unknown resource is a deny");
}

#[tokio::test]
async fn value_that_may_still_move_is_never_shown_as_what_will_be_sent() {
    let world = World::new().await;
    let shown = json!([{
        "id": "s1", "tool": "infra.scale", "params": {"service_id": "payments", "replicas": 21},
        "bounds": {"replicas": {"type": "integer", "minimum": 0, "maximum": 100}},
    }]);
    let plan = world.submit("remediator", shown).await;
    assert_eq!(plan["verdict"], "needs_approval");
    assert!(plan["steps"][0].get("request").is_none(), "{plan:#}");

    let moving = json!([{
        "id": "s1", "tool": "infra.shutdown", "params": {"service_id": "auth"},
        "bounds": {"service_id": {"enum": ["auth", "payments"]}},
    }]);
    let plan = world.submit("remediator", moving).await;
    let step = &plan["steps"][0];
    assert!(
        step.get("request").is_none() && step.get("resource").is_none(),
        "{plan:#}"
    );
    let slow = json!([{
        "id": "s1", "tool": "infra.restart", "params": {},
        "bounds": {"service_id": {"pattern": "^(?=a)(a|aa)+(?!b)$"}},
    }]);
    let body = json!({"goal": "g", "steps": slow});
    world
        .call("remediator", "POST", "/v1/plans", &body)
        .await
        .refused(422, "invalid");
}

#[tokio::test]
async fn parameters_of_a_step_without_bounds_do_not_move() {
    let world = World::new().await;
    let plan = world.submit("remediator", json!([restart("s1")])).await;
    let moved = json!({"params": {"service_id": "auth"}});
    world
        .token("remediator", &plan, "s1", moved)
        .await
        .refused(403, "params_mismatch");
    let same = json!({"params": {"service_id": "payments"}});
    world.token("remediator", &plan, "s1", same).await.ok(201);
}
