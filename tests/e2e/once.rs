//! At most once: under load, and over `kill -9` and restart.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::harness::forge;
use crate::harness::installation::Installation;
use crate::harness::upstream::Upstream;
use crate::harness::world::{Minted, World, find, text};
use crate::harness::{SOON, eventually};

const REPLAYS: usize = 500;
const TASKS: usize = 16;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_500_replays_from_16_tasks_exactly_one_reaches_the_upstream() {
    let upstream = Upstream::start().await;
    let world = Arc::new(Installation::before(upstream.url()).await);
    let minted = Arc::new(scaling(&world, "payments").await);
    let left = Arc::new(AtomicUsize::new(REPLAYS));
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let (world, minted, left) = (Arc::clone(&world), Arc::clone(&minted), Arc::clone(&left));
        tasks.spawn(async move {
            let shot = world.shot(&minted);
            let mut answers = Vec::new();
            while left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                    left.checked_sub(1)
                })
                .is_ok()
            {
                let answer = world.fire(&shot).await;
                answers.push((answer.status, text(&answer.body, "/code").to_owned()));
            }
            answers
        });
    }
    let answers: Vec<(u16, String)> = tasks.join_all().await.into_iter().flatten().collect();
    assert_eq!(answers.len(), REPLAYS);
    let done = answers.iter().filter(|(status, _)| *status == 200).count();
    let used = answers
        .iter()
        .filter(|(status, code)| (*status, code.as_str()) == (409, "token_used"));
    assert_eq!((done, used.count()), (1, REPLAYS - 1), "{answers:?}");
    let log = upstream.log().await;
    assert_eq!((log.requests.len(), log.connections), (1, 1), "{log:?}");
    assert_eq!(log.requests[0]["key"], forge::claims(&minted.token)["jti"]);
}

/// The request is at the upstream, the answer never comes, the process dies.
#[tokio::test]
async fn a_call_cut_off_by_kill_9_is_in_doubt_until_an_operator_resolves_it() {
    let upstream = Upstream::start().await;
    let mut world = Installation::before(upstream.url()).await;
    world.execute(&scaling(&world, "auth").await).await;
    upstream.mode("hang").await;
    let minted = scaling(&world, "payments").await;
    let spare = scaling(&world, "payments").await;
    cut_off(&mut world, &minted, async || {
        upstream.reached(2).await;
    })
    .await;
    upstream.mode("answer").await;
    world.start_again().await;

    world
        .fire(&world.shot(&minted))
        .await
        .refused(409, "token_used");
    let doubt = the_doubt(&world, &minted).await;
    let attempt = text(&doubt, "/attempt").to_owned();

    // While in doubt: the authority knows, the step gets no other token, its resource stands still.
    let step = the_step(&world, &minted, "in_doubt").await;
    assert_eq!(text(&step, "/attempt"), attempt, "{step:#}");
    world
        .token(&minted.plan, "s1")
        .await
        .refused(409, "token_outstanding");
    world
        .fire(&world.shot(&spare))
        .await
        .refused(503, "overload");
    world.execute(&scaling(&world, "auth").await).await;
    assert_eq!(
        upstream.count().await,
        3,
        "the call in doubt is not sent again"
    );

    // An operator's word settles it: not an agent's, not without evidence, not twice.
    let path = format!("/v1/calls/{attempt}/resolution");
    let finding = json!({"resolution": "not_executed", "evidence": "payments has 3 replicas", "reason": "looked"});
    let agent = world.agent("remediator");
    world
        .post("enforcer", &path, agent, &finding)
        .await
        .refused(403, "forbidden");
    let operator = world.person("operator");
    let bare = json!({"resolution": "not_executed", "evidence": " ", "reason": "looked"});
    world
        .post("enforcer", &path, operator, &bare)
        .await
        .refused(422, "invalid");
    let after = world
        .post("enforcer", &path, operator, &finding)
        .await
        .with(200);
    assert_eq!(
        (text(&after, "/state"), text(&after, "/resolution")),
        ("resolved", "not_executed")
    );
    world
        .post("enforcer", &path, operator, &finding)
        .await
        .refused(409, "conflict");

    // Now the step may have another token; the old one never runs.
    world
        .fire(&world.shot(&minted))
        .await
        .refused(409, "token_used");
    let second = another_token(&world, &minted).await;
    assert_ne!(second.token, minted.token);
    world.execute(&second).await;
    world.execute(&spare).await;
    assert_eq!(upstream.count().await, 5);
    the_step(&world, &minted, "done").await;
}

/// The token is spent, the upstream is being dialled, nothing is sent yet, the process dies.
#[tokio::test]
async fn a_call_killed_between_consume_and_forward_is_in_doubt_and_never_sent() {
    let upstream = Upstream::start().await;
    // The other side of this handshake never speaks, so the call stays before its first byte.
    let mut world = Installation::before(&upstream.url().replace("http://", "https://")).await;
    upstream.mode("hang").await;
    let minted = scaling(&world, "payments").await;
    cut_off(&mut world, &minted, async || {
        eventually("the upstream is being dialled", SOON, async || {
            (upstream.log().await.connections > 0).then_some(())
        })
        .await;
    })
    .await;
    world.start_again().await;
    world
        .fire(&world.shot(&minted))
        .await
        .refused(409, "token_used");
    the_doubt(&world, &minted).await;
    the_step(&world, &minted, "in_doubt").await;
    let log = upstream.log().await;
    assert_eq!(
        (log.requests.len(), log.connections),
        (0, 1),
        "nothing was sent, nor dialled again"
    );
}

#[tokio::test]
async fn an_upstream_that_hangs_up_leaves_the_call_in_doubt() {
    let upstream = Upstream::start().await;
    let world = Installation::before(upstream.url()).await;
    world.execute(&scaling(&world, "payments").await).await;
    upstream.mode("close").await;
    let minted = scaling(&world, "payments").await;
    let answer = world.fire(&world.shot(&minted)).await.with(200);
    assert_eq!(text(&answer, "/outcome"), "in_doubt", "{answer:#}");
    assert_eq!(upstream.count().await, 2, "it is not sent again");
    world
        .fire(&world.shot(&minted))
        .await
        .refused(409, "token_used");
    the_doubt(&world, &minted).await;
    let path = format!("/v1/calls/{}/resolution", text(&answer, "/attempt"));
    let finding = json!({"resolution": "executed", "evidence": "its own log", "reason": "looked"});
    world
        .post("enforcer", &path, world.person("operator"), &finding)
        .await
        .with(200);
    the_step(&world, &minted, "done").await;
    world
        .token(&minted.plan, "s1")
        .await
        .refused(409, "step_closed");
}

#[tokio::test]
async fn an_upstream_that_refuses_connections_leaves_the_call_unsent_and_the_step_free() {
    let mut upstream = Upstream::start().await;
    let world = Installation::before(upstream.url()).await;
    world.execute(&scaling(&world, "payments").await).await;
    let minted = scaling(&world, "payments").await;
    upstream.stop();
    let answer = world.fire(&world.shot(&minted)).await.with(200);
    assert_eq!(text(&answer, "/outcome"), "not_sent", "{answer:#}");
    world
        .fire(&world.shot(&minted))
        .await
        .refused(409, "token_used");
    let again = another_token(&world, &minted).await;
    assert_ne!(
        forge::claims(&again.token)["jti"],
        forge::claims(&minted.token)["jti"]
    );
}

#[tokio::test]
async fn plans_approvals_and_keys_survive_kill_9() {
    let mut world = Installation::demo().await;
    let params = json!({"service_id": "payments", "replicas": 12});
    let plan = world
        .submit(
            "remediator",
            json!([{"id": "s1", "tool": "infra.scale", "params": params}]),
        )
        .await;
    let plan_id = text(&plan, "/plan_id").to_owned();
    let pending = world.token(&plan_id, "s1").await.with(202);
    let approval = text(&pending, "/approval_id").to_owned();
    let shown = world.approval(&approval, "alice").await;
    let unused = world
        .mint("infra.restart", json!({"service_id": "auth"}))
        .await;
    let key = world.intent_key().kid().clone();
    world.kill();
    world.start_again().await;

    assert_eq!(world.intent_key().kid(), &key);
    assert_eq!(world.plan(&plan_id).await["plan_hash"], plan["plan_hash"]);
    let again = world.approval(&approval, "alice").await;
    assert_eq!(
        (&again["plan_bytes"], text(&again, "/state")),
        (&shown["plan_bytes"], "pending")
    );
    let yes =
        json!({"decision": "approve", "plan_hash": plan["plan_hash"], "reason": "still wanted"});
    world.decide(&approval, "alice", &yes).await.with(200);
    world.kill();
    world.start_again().await;

    let issued = world.token(&plan_id, "s1").await.with(201);
    let minted = Minted {
        plan: plan_id,
        tool: "infra.scale".to_owned(),
        params,
        token: text(&issued, "/token").to_owned(),
        approvals: issued["approvals"].as_str().map(str::to_owned),
    };
    world.execute(&minted).await;
    assert_eq!(world.service("payments").await["replicas"], 12);
    world.execute(&unused).await;
    world.command(&["audit", "verify"]).with(0);
}

#[tokio::test]
async fn a_process_that_is_asked_to_end_finishes_its_calls_first() {
    let upstream = Upstream::start().await;
    let mut world = Installation::before(upstream.url()).await;
    upstream.mode("hang").await;
    let minted = scaling(&world, "payments").await;
    let request = world.aimed(&world.shot(&minted));
    let mut caller = JoinSet::new();
    caller.spawn(async move { request.send().await.is_ok() });
    upstream.reached(1).await;
    // The client goes away; the call goes on, and the process waits for it.
    caller.shutdown().await;
    world.process().ask_to_end();
    eventually("the enforcer takes no more calls", SOON, async || {
        let nobody = world
            .request(Method::GET, "enforcer", "/healthz")
            .send()
            .await;
        nobody.is_err().then_some(())
    })
    .await;
    assert_eq!(world.process().status(), None, "a call is under way");
    upstream.mode("answer").await;
    let status = world.process().ended().await;
    assert!(status.success(), "{status}");
    world.start_again().await;
    let done = calls(&world, "done").await;
    assert_eq!(done.len(), 1, "{done:#?}");
    assert_eq!(
        (&done[0]["jti"], &done[0]["status"]),
        (&forge::claims(&minted.token)["jti"], &json!(200))
    );
    assert_eq!(upstream.count().await, 1);
}

/// A token for scaling a service to four.
async fn scaling(world: &World, service: &str) -> Minted {
    world
        .mint("infra.scale", json!({"service_id": service, "replicas": 4}))
        .await
}

/// Makes a call, waits until `there` says that it is under way, and kills the process.
async fn cut_off(world: &mut Installation, minted: &Minted, there: impl AsyncFnOnce()) {
    let request = world.aimed(&world.shot(minted));
    let mut caller = JoinSet::new();
    caller.spawn(async move { request.send().await.is_ok() });
    there().await;
    world.kill();
    assert_eq!(caller.join_all().await, [false], "nobody answered");
}

/// The calls in a state, as the operator sees them.
async fn calls(world: &World, state: &str) -> Vec<Value> {
    let path = format!("/v1/calls?state={state}");
    let listed = world
        .get("enforcer", &path, world.person("operator"))
        .await
        .with(200);
    listed["calls"].as_array().unwrap().clone()
}

/// The one call in doubt, which must be that of this token.
async fn the_doubt(world: &World, minted: &Minted) -> Value {
    let mut doubts = calls(world, "in_doubt").await;
    assert_eq!(doubts.len(), 1, "{doubts:#?}");
    let doubt = doubts.remove(0);
    assert_eq!(
        doubt["jti"],
        forge::claims(&minted.token)["jti"],
        "{doubt:#}"
    );
    doubt
}

/// Waits until the authority knows that the step is in `state`.
async fn the_step(world: &World, minted: &Minted, state: &str) -> Value {
    eventually(
        &format!("the authority knows that the step is {state}"),
        SOON,
        async || {
            let step = find(&world.plan(&minted.plan).await["steps"], "id", "s1");
            (text(&step, "/state") == state).then_some(step)
        },
    )
    .await
}

/// Another token for the same step, as soon as the authority knows that the first never ran.
async fn another_token(world: &World, minted: &Minted) -> Minted {
    let token = eventually("another token for the step", SOON, async || {
        let answer = world.token(&minted.plan, "s1").await;
        (answer.status == 201).then(|| text(&answer.body, "/token").to_owned())
    })
    .await;
    Minted {
        token,
        ..minted.clone()
    }
}
