use countersign_intent::key::SigningKey;

use super::*;
use crate::credential::{KeyKind, SecretKey};
use crate::random::Random;

const AGENTS: &str = r#"
[[agent]]
name = "remediator"
autonomy = "automate-safe"
roles = ["remediation"]
team = "sre"

[[agent]]
name = "watcher"
autonomy = "observe"
"#;

const OPERATORS: &str = r#"
[[operator]]
name = "alice"
display = "Alice"
roles = ["approver", "sre"]
"#;

fn agent(name: &str) -> AgentId {
    name.parse().unwrap()
}

fn parse(agents_overlay: &str, operators_overlay: &str) -> Result<Directory, DirectoryError> {
    Directory::parse(Sources {
        agents: AGENTS,
        operators: OPERATORS,
        agents_overlay: Some(agents_overlay),
        operators_overlay: Some(operators_overlay),
    })
}

#[test]
fn files_give_agents_and_people() {
    let directory = parse("", "").unwrap();
    let remediator = directory.agent(&agent("remediator")).unwrap();
    assert_eq!(remediator.autonomy, Autonomy::AutomateSafe);
    assert_eq!(remediator.team.as_deref(), Some("sre"));
    assert!(remediator.has_role("remediation"));
    let alice = directory.operator(&"alice".parse().unwrap()).unwrap();
    assert_eq!(alice.name, "Alice");
    assert!(alice.has_role("approver") && !alice.has_role("operator"));
    assert_eq!(directory.agents().count(), 2);
}

#[test]
fn overlay_adds_keys_and_the_bearer_finds_its_owner() {
    let random = Random::seeded(1);
    let key = SecretKey::generate(KeyKind::Agent, &random);
    let person = SecretKey::generate(KeyKind::Operator, &random);
    let public = SigningKey::from_seed(&random.bytes())
        .unwrap()
        .verifying_key()
        .clone();
    let directory = parse(
        &format!(
            "[[agent]]\nname = \"remediator\"\nkey_sha256 = \"{}\"",
            key.hash()
        ),
        &format!(
            "[[operator]]\nname = \"alice\"\nkey_sha256 = \"{}\"\napprover_key = \"{}\"",
            person.hash(),
            public.to_base64url()
        ),
    )
    .unwrap();
    assert_eq!(
        directory.by_agent_key(key.expose()).unwrap().id,
        agent("remediator")
    );
    assert!(directory.by_agent_key(person.expose()).is_none());
    let alice = directory.by_operator_key(person.expose()).unwrap();
    assert_eq!(alice.approver_key.as_ref().unwrap(), &public);
}

#[test]
fn agent_without_a_key_is_found_by_no_key() {
    let directory = parse("", "").unwrap();
    assert!(directory.by_agent_key("").is_none());
    assert!(directory.by_operator_key("cs_op_").is_none());
}

#[test]
fn overlay_may_not_raise_anybody() {
    for overlay in [
        "[[agent]]\nname = \"watcher\"\nautonomy = \"automate-destructive\"",
        "[[agent]]\nname = \"watcher\"\nroles = [\"admin\"]",
    ] {
        let error = parse(overlay, "").unwrap_err().to_string();
        assert!(
            error.contains("overlay/agents.toml") && error.contains("unknown field"),
            "{error}"
        );
    }
    let error = parse("", "[[operator]]\nname = \"alice\"\nroles = [\"admin\"]").unwrap_err();
    assert!(error.to_string().contains("`roles`"), "{error}");
}

#[test]
fn overlay_keys_of_an_unknown_name_give_nothing() {
    let key = SecretKey::generate(KeyKind::Agent, &Random::seeded(2));
    let overlay = format!(
        "[[agent]]\nname = \"ghost\"\nkey_sha256 = \"{}\"",
        key.hash()
    );
    let directory = parse(&overlay, "").unwrap();
    assert!(directory.by_agent_key(key.expose()).is_none());
}

#[test]
fn form_errors_name_file_and_line() {
    let sources = Sources {
        agents: "\n[[agent]]\nname = \"a\"\nautonomie = 1",
        ..Sources::default()
    };
    let error = Directory::parse(sources).unwrap_err().to_string();
    assert!(
        error.contains("`agents.toml`") && error.contains("line 4"),
        "{error}"
    );
}

#[test]
fn names_and_keys_stand_once() {
    let twice = Sources {
        agents: &format!("{AGENTS}{AGENTS}"),
        ..Sources::default()
    };
    assert!(matches!(
        Directory::parse(twice),
        Err(DirectoryError::Twice { .. })
    ));
    let hash = SecretHash::of("cs_agent_x");
    let row = |kind: &str, name: &str| {
        format!("[[{kind}]]\nname = \"{name}\"\nkey_sha256 = \"{hash}\"\n")
    };
    let shared = parse(&row("agent", "watcher"), &row("operator", "alice"));
    assert!(matches!(shared, Err(DirectoryError::SharedKey { .. })));
}

#[test]
fn unusable_public_key_is_refused_with_its_owner() {
    let error = parse("[[agent]]\nname = \"watcher\"\npublic_key = \"AAAA\"", "").unwrap_err();
    assert!(
        matches!(&error, DirectoryError::Key { name, .. } if name == "watcher"),
        "{error}"
    );
}

#[test]
fn reload_keeps_the_old_directory_when_the_files_are_bad() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("agents.toml", AGENTS);
    write("operators.toml", OPERATORS);
    let shared = SharedDirectory::load(folder.path(), None).unwrap();
    let before = shared.snapshot();
    write("agents.toml", "broken");
    assert!(shared.reload().is_err());
    assert_eq!(shared.snapshot(), before);
    write("agents.toml", "");
    shared.reload().unwrap();
    assert_eq!(shared.snapshot().agents().count(), 0);
    assert_eq!(before.agents().count(), 2, "a snapshot does not change");
}
