//! Who may approve.

use countersign_intent::id::{AgentId, OperatorId, ToolName};
use countersign_intent::tool::Effect;
use countersign_service::directory::{Directory, Operator, Sources};

use super::super::{ApprovalInput, Bundle, Permission};
use super::folder;

fn person(roles: &str) -> Operator {
    let operators = format!("[[operator]]\nname = \"carol\"\nroles = {roles}\n");
    let sources = Sources {
        operators: &operators,
        ..Sources::default()
    };
    let directory = Directory::parse(sources).unwrap();
    let id: OperatorId = "carol".parse().unwrap();
    directory.operator(&id).unwrap().as_ref().clone()
}

struct Asked<'a> {
    roles: &'a str,
    requested_by: Option<&'a str>,
    resource: Option<&'a str>,
}

const PLAIN: Asked<'_> = Asked {
    roles: "[\"approver\"]",
    requested_by: None,
    resource: Some("Service::\"payments\""),
};

fn ask(site: Option<&str>, asked: &Asked<'_>) -> Permission {
    let bundle = Bundle::parse(folder(&[("site/x.cedar", site)])).unwrap();
    let agent: AgentId = "remediator".parse().unwrap();
    let tool: ToolName = "infra.shutdown".parse().unwrap();
    let requested_by = asked
        .requested_by
        .map(|name| name.parse::<OperatorId>().unwrap());
    bundle.may_approve(&ApprovalInput {
        operator: &person(asked.roles),
        agent: &agent,
        requested_by: requested_by.as_ref(),
        tool: &tool,
        effect: Effect::Destructive,
        resource: asked.resource,
    })
}

#[test]
fn approvers_approve_what_others_asked_for() {
    assert!(ask(None, &PLAIN).allowed);
    assert!(
        ask(
            None,
            &Asked {
                requested_by: Some("operator"),
                ..PLAIN
            }
        )
        .allowed
    );
    let own = ask(
        None,
        &Asked {
            requested_by: Some("carol"),
            ..PLAIN
        },
    );
    assert!(!own.allowed);
    assert_eq!(own.policies, ["nobody-approves-their-own"]);
    assert!(
        !ask(
            None,
            &Asked {
                roles: "[\"sre\"]",
                ..PLAIN
            }
        )
        .allowed
    );
    assert!(
        !ask(
            None,
            &Asked {
                roles: "[]",
                ..PLAIN
            }
        )
        .allowed
    );
}

#[test]
fn a_site_says_who_may_approve_what() {
    let narrow = "@id(\"sre-only\")\nforbid (principal is User, action == Action::\"approve\", resource is Service)\n\
                  when { context.effect == \"destructive\" }\nunless { principal in Role::\"sre\" };";
    let refused = ask(Some(narrow), &PLAIN);
    assert_eq!(
        (refused.allowed, refused.policies),
        (false, vec!["sre-only".to_owned()])
    );
    assert!(
        ask(
            Some(narrow),
            &Asked {
                roles: "[\"approver\", \"sre\"]",
                ..PLAIN
            }
        )
        .allowed
    );
}

#[test]
fn an_approval_cannot_itself_be_approved() {
    let liftable = "@id(\"ask-again\")\n@require_approval(\"approver:1\")\n\
                    forbid (principal is User, action == Action::\"approve\", resource);";
    let refused = ask(Some(liftable), &PLAIN);
    assert_eq!(
        (refused.allowed, refused.policies),
        (false, vec!["ask-again".to_owned()])
    );
}

#[test]
fn an_error_refuses_the_approval() {
    let broken = "@id(\"broken\")\nforbid (principal is User, action == Action::\"approve\", resource is Service)\n\
                  when { resource has replicas && resource.replicas + 9223372036854775807 > 0 };";
    assert!(!ask(Some(broken), &PLAIN).allowed);
}

#[test]
fn resources_of_any_name_can_be_approved_and_no_resource_cannot() {
    for name in [
        "Account::\"Ünïcödé\"",
        "Account::\"a\\u0007\\\"b\"",
        "Alert::\"alr_1\"",
    ] {
        assert!(
            ask(
                None,
                &Asked {
                    resource: Some(name),
                    ..PLAIN
                }
            )
            .allowed,
            "{name}"
        );
    }
    for name in [
        None,
        Some("payments"),
        Some("Ghost::\"x\""),
        Some("Account::\"a\" || true"),
    ] {
        assert!(
            !ask(
                None,
                &Asked {
                    resource: name,
                    ..PLAIN
                }
            )
            .allowed,
            "{name:?}"
        );
    }
}
