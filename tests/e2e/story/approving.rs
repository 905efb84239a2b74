//! What policy leaves to a person waits for the right one.

use countersign_intent::approval::ApprovalSet;
use serde_json::{Value, json};

use crate::harness::world::{Minted, World, find, send, text, texts};
use crate::harness::{SOON, eventually};

/// Scaling to twelve: bob asks for it, alice lets it happen, nobody else can.
pub(crate) async fn scaling(world: &World) {
    let run = world.start_run("scale payments to 12", "bob").await;
    let (step, approval) = waiting(world, &run).await;
    assert_eq!(step["verdict"], "needs_approval", "{step:#}");
    assert!(
        texts(&step["policies"]).contains(&"scale-beyond-three-times-asks"),
        "{step:#}"
    );
    assert_eq!(
        world.service("payments").await["replicas"],
        3,
        "nothing happened yet"
    );

    let view = world.approval(&approval, "alice").await;
    assert_eq!(
        (text(&view, "/state"), &view["can_decide"]),
        ("pending", &json!(true)),
        "{view:#}"
    );
    assert_eq!(text(&view, "/requested_by"), "bob");
    assert_eq!(
        view["request"]["body"],
        json!({"replicas": 12}),
        "what will be sent: {view:#}"
    );
    let yes = json!({"decision": "approve", "plan_hash": view["plan_hash"], "reason": "the sale"});
    world
        .decide(&approval, "bob", &yes)
        .await
        .refused(403, "own_request");
    world
        .decide(&approval, "operator", &yes)
        .await
        .refused(403, "not_an_approver");
    assert_eq!(world.approval(&approval, "bob").await["can_decide"], false);
    let other = json!({"decision": "approve", "plan_hash": "0".repeat(64), "reason": "blind"});
    world
        .decide(&approval, "alice", &other)
        .await
        .refused(409, "plan_hash_mismatch");
    assert_eq!(text(&world.run(&run).await, "/state"), "waiting");

    let view = world.decide(&approval, "alice", &yes).await.with(200);
    assert_eq!(text(&view, "/state"), "approved", "{view:#}");
    let run = world.end_of(&run).await;
    assert_eq!(text(&run, "/state"), "completed", "{run:#}");
    assert_eq!(find(&run["steps"], "tool", "infra.scale")["state"], "done");
    assert_eq!(world.service("payments").await["replicas"], 12);
    world
        .decide(&approval, "alice", &yes)
        .await
        .refused(409, "approval_closed");
}

/// A no is an end.
pub(crate) async fn denial(world: &World) {
    let run = world.start_run("scale payments to 12", "operator").await;
    let (_, approval) = waiting(world, &run).await;
    let hash = world.approval(&approval, "alice").await["plan_hash"].clone();
    let no = json!({"decision": "deny", "plan_hash": hash, "reason": "not today"});
    let view = world.decide(&approval, "alice", &no).await.with(200);
    assert_eq!(text(&view, "/state"), "denied", "{view:#}");
    let run = world.end_of(&run).await;
    assert_eq!(text(&run, "/state"), "blocked", "{run:#}");
    assert_eq!(world.service("payments").await["replicas"], 3);
}

/// Shutting down: a yes must be signed, and the enforcer checks the signature itself.
pub(crate) async fn shutdown(world: &World) {
    let params = json!({"service_id": "payments"});
    let plan = world
        .submit(
            "remediator",
            json!([{"id": "s1", "tool": "infra.shutdown", "params": params}]),
        )
        .await;
    assert_eq!(text(&plan, "/verdict"), "needs_approval", "{plan:#}");
    let plan_id = text(&plan, "/plan_id").to_owned();
    let pending = world.token(&plan_id, "s1").await.with(202);
    let approval = text(&pending, "/approval_id").to_owned();
    let hash = text(&plan, "/plan_hash").to_owned();
    let view = world.approval(&approval, "alice").await;
    assert_eq!(
        (&view["signature_required"], text(&view, "/plan_hash")),
        (&json!(true), hash.as_str())
    );

    let yes = json!({"decision": "approve", "plan_hash": hash, "reason": "retired"});
    let signed = |by: &str, hash: &str| {
        let mut yes = yes.clone();
        yes["signature"] = world.signature(by, hash).into();
        yes
    };
    world
        .decide(&approval, "alice", &yes)
        .await
        .refused(422, "signature_missing");
    world
        .decide(&approval, "alice", &signed("bob", &hash))
        .await
        .refused(403, "signature_invalid");
    let other = "0".repeat(64);
    world
        .decide(&approval, "alice", &signed("alice", &other))
        .await
        .refused(403, "signature_invalid");
    world.token(&plan_id, "s1").await.with(202);
    let view = world
        .decide(&approval, "alice", &signed("alice", &hash))
        .await
        .with(200);
    assert_eq!(text(&view, "/state"), "approved", "{view:#}");

    let issued = world.token(&plan_id, "s1").await.with(201);
    let minted = Minted {
        plan: plan_id,
        tool: "infra.shutdown".to_owned(),
        params,
        token: text(&issued, "/token").to_owned(),
        approvals: Some(text(&issued, "/approvals").to_owned()),
    };
    the_enforcer_checks_the_approvals(world, &minted).await;
    world.execute(&minted).await;
    assert_eq!(world.service("payments").await["status"], "down");
}

async fn the_enforcer_checks_the_approvals(world: &World, minted: &Minted) {
    let approvals = minted.approvals.as_deref().unwrap();
    let altered = |alter: fn(&mut ApprovalSet)| {
        let mut set = ApprovalSet::decode(approvals).unwrap();
        alter(&mut set);
        Some(set.encode())
    };
    let tampered = [
        None,
        Some("not base64url of anything".to_owned()),
        altered(|set| set.approvals[0].signature = None),
        altered(|set| set.approvals[0].approver = "bob".parse().unwrap()),
        altered(|set| set.approvals.clear()),
    ];
    for approvals in tampered {
        let shot = crate::harness::world::Shot {
            approvals,
            ..world.shot(minted)
        };
        world.fire(&shot).await.refused(403, "approval_missing");
    }
    let twice = world
        .aimed(&world.shot(minted))
        .header("intent-approvals", approvals);
    send(twice).await.refused(403, "approval_missing");
    assert_eq!(
        world.service("payments").await["status"],
        "up",
        "nothing was forwarded"
    );
}

/// Waits until a run waits for a person: the step, and the approval.
async fn waiting(world: &World, run: &str) -> (Value, String) {
    let step = eventually("the run waits for a person", SOON, async || {
        let view = world.run(run).await;
        assert!(view["finished_at"].is_null(), "it ended: {view:#}");
        let steps = view["steps"].as_array().unwrap().iter();
        steps
            .clone()
            .find(|step| step["state"] == "waiting" && view["state"] == "waiting")
            .cloned()
    })
    .await;
    let approval = text(&step, "/approval_id").to_owned();
    (step, approval)
}
