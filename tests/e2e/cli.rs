//! The client commands: exit codes and the one JSON document of `--json`.

mod offline;
mod possession;
mod receipts;

use serde_json::{Value, json};

use crate::harness::forge;
use crate::harness::installation::Installation;
use crate::harness::world::{find, text, texts};

const SCALE: &str = r#"{"service_id": "payments", "replicas": 4}"#;

#[tokio::test]
async fn call_does_what_policy_allows_and_says_no_to_the_rest() {
    let world = Installation::demo().await;
    let done = world.says(0, &["call", "infra.scale", "--params", SCALE]);
    assert_eq!(
        (text(&done, "/outcome"), &done["status"]),
        ("done", &json!(200)),
        "{done:#}"
    );
    assert!(text(&done, "/plan_id").starts_with("pln_"), "{done:#}");
    assert_eq!(world.service("payments").await["replicas"], 4);
    let read = [
        "call",
        "infra.get",
        "--params",
        r#"{"service_id": "payments"}"#,
        "--agent",
        "watcher",
    ];
    assert_eq!(world.says(0, &read)["result"]["replicas"], 4);

    let wipe = r#"{"db_id": "prod_db", "confirm": "prod_db"}"#;
    let denied = world.says(1, &["call", "data.wipe", "--params", wipe]);
    assert_eq!(text(&denied, "/verdict"), "deny");
    assert!(
        texts(&find(&denied["steps"], "id", "s1")["policies"]).contains(&"data-is-sacred"),
        "{denied:#}"
    );
    let told = world
        .command(&["call", "data.wipe", "--params", wipe])
        .with(1);
    assert!(told.stdout.contains("data-is-sacred"), "{}", told.stdout);

    let many = r#"{"service_id": "payments", "replicas": 12}"#;
    let asks = world.says(1, &["call", "infra.scale", "--params", many]);
    assert_eq!(text(&asks, "/verdict"), "needs_approval", "{asks:#}");
    assert!(text(&asks, "/approval_id").starts_with("apr_"), "{asks:#}");

    let wrong = r#"{"service_id": "payments", "replicas": "4"}"#;
    let refused = world.says(1, &["call", "infra.scale", "--params", wrong]);
    assert_eq!(text(&refused, "/code"), "params_invalid", "{refused:#}");
    world
        .command(&["call", "infra.scale", "--params", "{"])
        .with(64);
    world
        .command(&[
            "call",
            "infra.scale",
            "--params",
            r#"{"replicas": 4, "replicas": 5}"#,
        ])
        .with(64);
}

#[tokio::test]
async fn a_plan_is_submitted_shown_and_spent_once() {
    let world = Installation::demo().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plan.json");
    let file = file.to_str().unwrap();
    let step = json!({"id": "s1", "tool": "infra.scale", "params": {"service_id": "payments", "replicas": 4}});
    std::fs::write(
        file,
        json!({"goal": "more room", "steps": [step]}).to_string(),
    )
    .unwrap();
    let plan = world.says(0, &["plan", "submit", file]);
    let id = text(&plan, "/plan_id");
    assert_eq!(text(&plan, "/verdict"), "allow", "{plan:#}");
    let shown = world.says(0, &["plan", "show", id]);
    assert_eq!(shown["plan_hash"], plan["plan_hash"]);
    let listed = world.says(0, &["plan", "list"]);
    find(&listed["plans"], "plan_id", id);

    let issued = world.says(0, &["plan", "token", id, "s1"]);
    let token = text(&issued, "/token");
    let inspected = world.says(0, &["token", "inspect", token]);
    assert_eq!(
        (
            text(&inspected, "/signature"),
            text(&inspected, "/claims/plan")
        ),
        ("verifies", id)
    );
    let forged = format!("{}.{}", token.rsplit_once('.').unwrap().0, "A".repeat(86));
    let inspected = world.says(1, &["token", "inspect", &forged]);
    assert!(
        text(&inspected, "/signature").contains("NOT"),
        "{inspected:#}"
    );
    world.command(&["token", "inspect", "nonsense"]).with(2);

    let spend = ["call", "infra.scale", "--params", SCALE, "--token", token];
    let done = world.says(0, &spend);
    let receipt = ["token", "inspect", "--receipt", text(&done, "/receipt")];
    let receipt = world.says(0, &receipt);
    assert_eq!(receipt["claims"]["jti"], forge::claims(token)["jti"]);
    assert_eq!(text(&world.says(1, &spend), "/code"), "token_used");

    let denied = json!({"id": "s1", "tool": "data.wipe", "params": {"db_id": "prod_db", "confirm": "prod_db"}});
    std::fs::write(
        file,
        json!({"goal": "space", "steps": [denied]}).to_string(),
    )
    .unwrap();
    let plan = world.says(1, &["plan", "submit", file]);
    let problem = world.says(1, &["plan", "token", text(&plan, "/plan_id"), "s1"]);
    assert_eq!(text(&problem, "/code"), "plan_denied", "{problem:#}");
    std::fs::write(file, r#"{"goal": "a", "goal": "b", "steps": []}"#).unwrap();
    world.command(&["plan", "submit", file]).with(64);
    world.command(&["plan", "submit", "no-such-file"]).with(2);
}

#[tokio::test]
async fn approvals_are_listed_refused_and_given() {
    let world = Installation::demo().await;
    let many = r#"{"service_id": "payments", "replicas": 12}"#;
    let ask = ["call", "infra.scale", "--params", many];
    let approval = text(&world.says(1, &ask), "/approval_id").to_owned();
    let listed = world.says(0, &["approvals", "list"]);
    assert_eq!(
        find(&listed["approvals"], "approval_id", &approval)["state"],
        "pending"
    );
    let shown = world
        .command(&["approvals", "show", &approval])
        .with(0)
        .stdout;
    assert!(
        shown.contains("scale-beyond-three-times-asks") && shown.contains("\"replicas\":12"),
        "{shown}"
    );

    // Nobody says yes without looking: there is no terminal here, and no --yes.
    world.command(&["approvals", "approve", &approval]).with(2);
    let own = world.command(&[
        "approvals",
        "approve",
        &approval,
        "--as",
        "operator",
        "--yes",
        "--json",
    ]);
    assert_eq!(text(&own.with(1).json(), "/code"), "not_an_approver");
    let yes = ["approvals", "approve", &approval, "--as", "alice", "--yes"];
    assert_eq!(text(&world.says(0, &yes), "/state"), "approved");
    assert_eq!(text(&world.says(1, &yes), "/code"), "approval_closed");
    let listed = world.says(0, &["approvals", "list"]);
    assert_eq!(listed["approvals"], json!([]));

    let stop = [
        "call",
        "infra.shutdown",
        "--params",
        r#"{"service_id": "auth"}"#,
    ];
    let approval = text(&world.says(1, &stop), "/approval_id").to_owned();
    let signed = ["approvals", "approve", &approval, "--as", "bob", "--yes"];
    let view = world.says(0, &signed);
    assert!(view["given"][0]["signature"].is_string(), "{view:#}");
    let approval = text(&world.says(1, &ask), "/approval_id").to_owned();
    let no = world.says(0, &["approvals", "deny", &approval, "--as", "bob"]);
    assert_eq!(text(&no, "/state"), "denied");
}

#[tokio::test]
async fn a_fault_is_injected_followed_and_healed() {
    let world = Installation::demo().await;
    let faults = |answer: Value| answer["faults"].as_array().unwrap().len();
    assert_eq!(faults(world.says(0, &["fault", "list"])), 0);
    world.says(0, &["fault", "inject", "crash", "payments"]);
    assert_eq!(faults(world.says(0, &["fault", "list"])), 1);
    world
        .command(&["fault", "inject", "crash", "payments"])
        .with(1);
    world.alarm("payments").await;

    let run = world.says(0, &["run", "restore payments", "--follow"]);
    assert_eq!(text(&run, "/state"), "completed", "{run:#}");
    let told = world
        .command(&["runs", "show", text(&run, "/run_id")])
        .with(0)
        .stdout;
    assert!(told.contains("infra.restart"), "{told}");
    assert_eq!(
        faults(world.says(0, &["fault", "list"])),
        0,
        "a restart heals a crash"
    );
    let blocked = world.says(1, &["run", "wipe prod_db", "--follow"]);
    assert_eq!(text(&blocked, "/state"), "blocked");
    world.command(&["fault", "inject", "storm", "20"]).with(0);
    world.command(&["fault", "clear", "all"]).with(0);
    assert_eq!(faults(world.says(0, &["fault", "list"])), 0);
    world
        .command(&["fault", "inject", "earthquake", "payments"])
        .with(2);
}

#[tokio::test]
async fn the_ledgers_verify_and_a_changed_record_is_found() {
    let world = Installation::demo().await;
    world
        .command(&["call", "infra.scale", "--params", SCALE])
        .with(0);
    world.command(&["audit", "verify"]).with(0);
    let tail = world.says(0, &["audit", "tail", "--kind", "consume"]);
    assert_eq!(tail["records"].as_array().unwrap().len(), 1, "{tail:#}");

    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("evidence");
    let out = out.to_str().unwrap();
    world.says(0, &["audit", "export", "--out", out]);
    world.command(&["audit", "export", "--out", out]).with(2);
    let keys = [format!("{out}/intent.jwks"), format!("{out}/receipt.jwks")];
    let verify = [
        "audit", "verify", out, "--key", &keys[0], "--key", &keys[1], "--json",
    ];
    world.command(&verify).with(0).json();
    let unpinned = world.command(&["audit", "verify", out]).with(0).stdout;
    assert!(unpinned.contains("keys not pinned"), "{unpinned}");

    for log in ["authority", "enforcer"] {
        let file = format!("{out}/records-{log}.jsonl");
        let good = std::fs::read_to_string(&file).unwrap();
        let lines: Vec<&str> = good.lines().collect();
        let (first, rest) = lines.split_first().unwrap();
        let middle = rest.len() / 2;
        let changed = good.replacen("\"v\":1", "\"v\":1 ", 1);
        let without = [&[*first], &rest[..middle], &rest[middle + 1..]]
            .concat()
            .join("\n")
            + "\n";
        let twice = [&[*first], rest, &[rest[middle]]].concat().join("\n") + "\n";
        for bad in [changed, without, twice] {
            assert_ne!(bad, good);
            std::fs::write(&file, bad).unwrap();
            world.command(&verify).with(1);
        }
        std::fs::write(&file, good).unwrap();
    }
    world.command(&verify).with(0);
}

#[tokio::test]
async fn freeze_stops_calls_and_thaw_lets_them_run() {
    let world = Installation::demo().await;
    let call = ["call", "infra.scale", "--params", SCALE];
    world.says(0, &["freeze", "tool:infra.scale", "--reason", "a drill"]);
    assert_eq!(text(&world.says(1, &call), "/code"), "killed");
    world
        .command(&[
            "call",
            "infra.restart",
            "--params",
            r#"{"service_id": "auth"}"#,
        ])
        .with(0);
    world.command(&["thaw", "tool:infra.scale"]).with(0);
    world.command(&call).with(0);
    world.command(&["freeze", "everybody"]).with(2);
}

#[tokio::test]
async fn doctor_finds_a_sound_installation_sound_and_a_broken_one_broken() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut world = Installation::demo().await;
    let report = world.says(0, &["doctor"]);
    assert_eq!(report["ok"], true, "{report:#}");
    let key = world.data().join("keys/service.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let report = world.says(1, &["doctor"]);
    assert_eq!(
        find(&report["checks"], "check", "key files")["ok"],
        false,
        "{report:#}"
    );
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    world.command(&["doctor"]).with(0);
    world.kill();
    world.says(1, &["doctor"]);
    world.command(&["plan", "list"]).with(2);
}
