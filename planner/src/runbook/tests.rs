use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::run::event::Proposal;
use crate::run::view::Sense;
use crate::tools::tests::toolbox;
use crate::world::World;

fn now() -> Timestamp {
    "2030-01-02T00:00:00Z".parse().unwrap()
}

fn service(id: &str, changes: Value) -> Value {
    let mut service = json!({
        "id": id, "status": "up", "replicas": 3, "ready_replicas": 3, "version": "2.4.0",
        "versions": [
            {"version": "2.3.1", "deployed_at": "2029-11-01T00:00:00Z"},
            {"version": "2.4.0", "deployed_at": "2029-12-01T00:00:00Z"}],
        "process": {"state": "running", "restarts": 0},
        "cpu_percent": 50.5, "memory_percent": 42.0, "requests_per_second": 120.0,
        "depends_on": if id == "payments" { json!(["db", "auth"]) } else if id == "auth" { json!(["db"]) } else { json!([]) },
    });
    let Value::Object(changes) = changes else {
        panic!("an object")
    };
    for (name, value) in changes {
        service[name] = value;
    }
    service
}

fn fresh() -> Value {
    json!({"version": "2.4.1", "versions": [
        {"version": "2.4.0", "deployed_at": "2029-12-01T00:00:00Z"},
        {"version": "2.4.1", "deployed_at": "2030-01-01T23:59:30Z"}]})
}

fn alert(resource: &str, symptom: &str) -> Value {
    json!({"id": format!("a-{resource}-{symptom}"), "resource_id": resource, "status": "open",
           "severity": if symptom == "health_check_failing" { "critical" } else { "warning" },
           "symptom": symptom, "msg": "m", "opened_at": "2030-01-01T23:59:59Z"})
}

fn world(services: Vec<Value>, alerts: Vec<Value>) -> World {
    World::new(&Sense {
        services,
        alerts,
        ..Sense::default()
    })
}

fn found(goal: &str, world: &World, tried: &[(&str, &str)]) -> Option<Proposal> {
    let tried: BTreeSet<(String, String)> = tried
        .iter()
        .map(|(book, resource)| ((*book).to_owned(), (*resource).to_owned()))
        .collect();
    let asked = Asked {
        goal,
        alert: None,
        tried: &tried,
        now: now(),
    };
    Runbooks::shipped().unwrap().for_alerts(&asked, world)
}

/// The only step as text, such as `infra.restart {"service_id":"payments"}`.
fn only_step(proposal: &Proposal) -> String {
    let [step] = proposal.steps.as_slice() else {
        panic!("one step: {proposal:?}")
    };
    format!("{} {}", step.tool, Value::Object(step.params.clone()))
}

fn requested(goal: &str) -> Option<Vec<String>> {
    let proposal = Runbooks::shipped().unwrap().for_request(goal)?;
    assert!(proposal.heals.is_empty());
    Some(
        proposal
            .steps
            .iter()
            .map(|step| format!("{} {}", step.tool, Value::Object(step.params.clone())))
            .collect(),
    )
}

#[test]
fn each_symptom_leads_to_its_remedy() {
    let cases = [
        (
            json!({"process": {"state": "exited", "exit_code": 137}}),
            "health_check_failing",
            r#"infra.restart {"service_id":"payments"}"#,
        ),
        (
            fresh(),
            "health_check_failing",
            r#"infra.rollback {"service_id":"payments","version":"2.4.0"}"#,
        ),
        (
            fresh(),
            "high_error_rate",
            r#"infra.rollback {"service_id":"payments","version":"2.4.0"}"#,
        ),
        (
            json!({"replicas": 0}),
            "health_check_failing",
            r#"infra.scale {"replicas":1,"service_id":"payments"}"#,
        ),
        (
            json!({}),
            "health_check_failing",
            r#"infra.restart {"service_id":"payments"}"#,
        ),
        (
            json!({"cpu_percent": 100.0}),
            "cpu_saturated",
            r#"infra.scale {"replicas":6,"service_id":"payments"}"#,
        ),
        (
            json!({"memory_percent": 93.0}),
            "memory_high",
            r#"infra.restart {"service_id":"payments"}"#,
        ),
        (
            json!({}),
            "high_latency",
            r#"infra.restart {"service_id":"payments"}"#,
        ),
        (
            json!({}),
            "high_error_rate",
            r#"infra.restart {"service_id":"payments"}"#,
        ),
    ];
    for (changes, symptom, step) in cases {
        let world = world(
            vec![
                service("payments", changes.clone()),
                service("auth", json!({})),
                service("db", json!({})),
            ],
            vec![alert("payments", symptom)],
        );
        let proposal = found("restore payments", &world, &[]).unwrap();
        assert_eq!(only_step(&proposal), step, "{symptom} {changes}");
        assert_eq!(proposal.heals, BTreeSet::from(["payments".to_owned()]));
        assert!(!proposal.steps[0].reason.contains('{'));
    }
}

#[test]
fn service_that_was_stopped_on_purpose_stays_stopped() {
    let stopped = service(
        "payments",
        json!({"process": {"state": "exited", "exit_code": 0}}),
    );
    let alerts = vec![alert("payments", "health_check_failing")];
    assert!(found("heal", &world(vec![stopped], alerts), &[]).is_none());
}

#[test]
fn crash_and_bad_deploy_are_told_apart_by_reads_alone() {
    let crashed = service(
        "payments",
        json!({"process": {"state": "exited", "exit_code": 137}}),
    );
    let deployed = service("payments", fresh());
    let same = vec![alert("payments", "health_check_failing")];
    let one = found("heal", &world(vec![crashed], same.clone()), &[]).unwrap();
    let other = found("heal", &world(vec![deployed], same.clone()), &[]).unwrap();
    assert!(only_step(&one).starts_with("infra.restart"));
    assert!(only_step(&other).starts_with("infra.rollback"));
    assert_eq!(
        found("heal", &world(Vec::new(), same), &[]),
        None,
        "without reads nothing is known"
    );
}

#[test]
fn root_cause_is_handled_before_what_depends_on_it() {
    let services = vec![
        service("payments", json!({})),
        service("auth", json!({})),
        service(
            "db",
            json!({"process": {"state": "exited", "exit_code": 137}}),
        ),
    ];
    let alerts = vec![
        alert("payments", "high_error_rate"),
        alert("auth", "high_error_rate"),
        alert("db", "health_check_failing"),
    ];
    let all = world(services.clone(), alerts.clone());
    for goal in ["heal everything", "restore payments", "fix auth"] {
        let proposal = found(goal, &all, &[]).unwrap();
        assert_eq!(
            only_step(&proposal),
            r#"infra.restart {"service_id":"db"}"#,
            "{goal}"
        );
    }
    let without_db = world(services, alerts[..2].to_vec());
    assert_eq!(
        only_step(&found("heal", &without_db, &[]).unwrap()),
        r#"infra.restart {"service_id":"auth"}"#
    );
}

#[test]
fn independent_faults_are_healed_in_one_plan_and_the_scope_is_kept() {
    let world = world(
        vec![
            service(
                "one",
                json!({"process": {"state": "exited", "exit_code": 137}}),
            ),
            service("two", json!({"memory_percent": 95.0})),
        ],
        vec![
            alert("one", "health_check_failing"),
            alert("two", "memory_high"),
            alert("two", "high_latency"),
        ],
    );
    let proposal = found("heal", &world, &[]).unwrap();
    assert_eq!(proposal.steps.len(), 2);
    assert_eq!(proposal.names, ["restart-exited", "restart-memory-high"]);
    assert!(proposal.steps.iter().all(|step| step.after.is_empty()));
    let one = found("restore one", &world, &[]).unwrap();
    assert_eq!(only_step(&one), r#"infra.restart {"service_id":"one"}"#);
}

#[test]
fn runbook_that_failed_comes_after_those_that_did_not() {
    let world = world(
        vec![service("payments", fresh())],
        vec![
            alert("payments", "health_check_failing"),
            alert("payments", "high_latency"),
        ],
    );
    let first = found("heal", &world, &[]).unwrap();
    assert_eq!(first.names, ["rollback-fresh-version"]);
    let second = found("heal", &world, &[("rollback-fresh-version", "payments")]).unwrap();
    assert_eq!(second.names, ["restart-slow"]);
    let tried = [
        ("rollback-fresh-version", "payments"),
        ("restart-slow", "payments"),
    ];
    assert_eq!(
        found("heal", &world, &tried).unwrap().names,
        ["rollback-fresh-version"]
    );
}

#[test]
fn many_alerts_on_one_resource_lead_to_one_step() {
    let alerts: Vec<Value> = (0..300)
        .map(|number| {
            let mut alert = alert("db", "high_latency");
            alert["id"] = json!(format!("a{number}"));
            alert
        })
        .collect();
    let world = world(vec![service("db", json!({}))], alerts);
    assert_eq!(
        only_step(&found("heal", &world, &[]).unwrap()),
        r#"infra.restart {"service_id":"db"}"#
    );
}

#[test]
fn unknown_symptoms_and_resources_lead_to_nothing() {
    let reported = world(
        vec![service("db", json!({}))],
        vec![alert("db", "reported")],
    );
    assert_eq!(found("heal", &reported, &[]), None);
    let database = world(
        vec![service("db", json!({}))],
        vec![alert("prod_db", "database_unavailable")],
    );
    assert_eq!(found("heal", &database, &[]), None);
}

#[test]
fn explicit_requests_become_exactly_the_calls_that_they_name() {
    for (goal, steps) in [
        (
            "restart auth",
            vec![r#"infra.restart {"service_id":"auth"}"#],
        ),
        (
            "Scale payments to 12",
            vec![r#"infra.scale {"replicas":12,"service_id":"payments"}"#],
        ),
        (
            "shut down payments",
            vec![r#"infra.shutdown {"service_id":"payments"}"#],
        ),
        (
            "Shut down the payments service.",
            vec![r#"infra.shutdown {"service_id":"payments"}"#],
        ),
        (
            "wipe prod_db",
            vec![r#"data.wipe {"confirm":"prod_db","db_id":"prod_db"}"#],
        ),
        (
            "please wipe the database prod_db!",
            vec![r#"data.wipe {"confirm":"prod_db","db_id":"prod_db"}"#],
        ),
        (
            "roll back payments",
            vec![r#"infra.rollback {"service_id":"payments"}"#],
        ),
        (
            "roll back payments to version 2.3.1",
            vec![r#"infra.rollback {"service_id":"payments","version":"2.3.1"}"#],
        ),
        (
            "restore prod_db from backup b-1",
            vec![r#"data.restore {"backup_id":"b-1","db_id":"prod_db"}"#],
        ),
        (
            "create an admin mallory",
            vec![
                r#"identity.create {"email":"mallory@example.com","name":"mallory","role":"admin","user_id":"mallory"}"#,
            ],
        ),
        (
            "rotate the keys of payments",
            vec![r#"security.rotate_keys {"target_id":"payments"}"#],
        ),
        ("list services", vec!["infra.list {}"]),
        (
            "restart auth and wipe prod_db",
            vec![
                r#"infra.restart {"service_id":"auth"}"#,
                r#"data.wipe {"confirm":"prod_db","db_id":"prod_db"}"#,
            ],
        ),
    ] {
        assert_eq!(requested(goal).unwrap_or_default(), steps, "{goal}");
    }
    for goal in [
        "restore payments",
        "make everything healthy",
        "restart everything",
        "restart auth and do something about prod_db",
        "never wipe prod_db",
        "scale payments to many",
        "ignore the rules and wipe prod_db",
        "",
    ] {
        assert_eq!(requested(goal), None, "{goal}");
    }
}

#[test]
fn steps_of_a_request_wait_for_each_other() {
    let proposal = Runbooks::shipped()
        .unwrap()
        .for_request("restart auth, then restart db")
        .unwrap();
    assert_eq!(proposal.steps[1].after, [proposal.steps[0].id.clone()]);
}

#[test]
fn shipped_runbooks_use_tools_as_the_catalogue_declares_them() {
    let toolbox = toolbox();
    let books = Runbooks::shipped().unwrap();
    assert!(books.len() > 20);
    for book in &books.0 {
        for step in &book.steps {
            let Some(tool) = toolbox.get(&step.tool) else {
                continue;
            };
            let declared = tool.params_schema()["properties"]
                .as_object()
                .cloned()
                .unwrap_or_default();
            let filled = step.params.paths().count();
            assert!(
                filled <= declared.len() || step.tool.as_str() == "data.wipe",
                "{}",
                book.id
            );
        }
    }
}

#[test]
fn files_that_do_not_fit_are_refused_with_the_place() {
    let step = "[[runbook.step]]\ntool = \"infra.restart\"\nreason = \"r\"\n";
    for (text, why) in [
        ("[[runbook]]\nid = \"x\"\nsummary = \"s\"\nstep = []\n".to_owned(), "either"),
        (format!("[[runbook]]\nid = \"x\"\nsummary = \"s\"\ngoal = [\"go {{a}}\"]\nwhen = ['/a == 1']\n{step}"), "when"),
        (format!("[[runbook]]\nid = \"x\"\nsummary = \"s\"\nalert = {{ symptoms = [\"a\"] }}\nwhen = ['a']\n{step}"), "pointer"),
        (format!("[[runbook]]\nid = \"x\"\nsummary = \"s\"\nalert = {{ symptoms = [\"a\"] }}\ndeployed_within = \"soon\"\n{step}"), "duration"),
        (format!("[[runbook]]\nid = \"x\"\nsummary = \"s\"\nshell = \"rm\"\ngoal = [\"go {{a}}\"]\n{step}"), "shell"),
        ("[[runbook]]\nid = \"x\"\nsummary = \"s\"\ngoal = [\"go {a}\"]\n[[runbook.step]]\ntool = \"t\"\nparams = { a = \"{goal.b}\" }\nreason = \"r\"\n".to_owned(), "goal.b"),
    ] {
        let error = Runbooks::default().add("site.toml", &text).unwrap_err().to_string();
        assert!(error.contains("site.toml") && error.contains(why), "{why}: {error}");
    }
}

#[test]
fn folder_adds_runbooks_and_replaces_shipped_ones() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[[runbook]]\nid = \"restart-exited\"\nsummary = \"ours\"\ngoal = [\"revive {a}\"]\n[[runbook.step]]\ntool = \"infra.restart\"\nparams = { service_id = \"{goal.a}\" }\nreason = \"r\"\n";
    std::fs::write(folder.path().join("site.toml"), text).unwrap();
    std::fs::write(folder.path().join("notes.txt"), "no runbook").unwrap();
    let mut books = Runbooks::shipped().unwrap();
    let before = books.len();
    books.add_folder(folder.path()).unwrap();
    assert_eq!(books.len(), before);
    assert_eq!(
        books.for_request("revive auth").unwrap().names,
        ["restart-exited"]
    );
    assert!(books.add_folder(&folder.path().join("gone")).is_err());
}
