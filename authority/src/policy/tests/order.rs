//! The order of verdicts, whatever the policies: checked against an oracle that knows how each
//! generated policy evaluates.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::json;

use super::super::{Bundle, Verdict};
use super::{agent, bare, codes, decide};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Permit,
    Forbid,
    Liftable,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Satisfied,
    Unsatisfied,
    Error,
}

type Generated = Vec<(Kind, Outcome)>;

/// One policy for each entry; `replicas` is 3 when they are evaluated.
fn text(policies: &Generated) -> String {
    let mut text = String::new();
    for (number, (kind, outcome)) in policies.iter().enumerate() {
        let (annotation, effect) = match kind {
            Kind::Permit => ("", "permit"),
            Kind::Forbid => ("", "forbid"),
            Kind::Liftable => ("@require_approval(\"approver:2, sre:1\")\n", "forbid"),
        };
        let condition = match outcome {
            Outcome::Satisfied => "context.params.replicas > 0",
            Outcome::Unsatisfied => "context.params.replicas < 0",
            Outcome::Error => "context.params.replicas + 9223372036854775807 > 0",
        };
        writeln!(
            text,
            "@id(\"p{number}\")\n{annotation}{effect} \
             (principal is Agent, action == Action::\"infra.scale\", resource)\n\
             when {{ {condition} }};"
        )
        .unwrap();
    }
    text
}

/// The ids of the policies of one kind with one outcome.
fn ids(policies: &Generated, kind: Option<Kind>, outcome: Outcome) -> BTreeSet<String> {
    policies
        .iter()
        .enumerate()
        .filter(|(_, (k, o))| kind.is_none_or(|kind| kind == *k) && *o == outcome)
        .map(|(number, _)| format!("p{number}"))
        .collect()
}

/// DESIGN §4, word for word.
fn expected(policies: &Generated) -> (Verdict, &'static str, BTreeSet<String>) {
    let satisfied = |kind| ids(policies, Some(kind), Outcome::Satisfied);
    let errors = ids(policies, None, Outcome::Error);
    if !errors.is_empty() {
        (Verdict::Deny, "evaluation_error", errors)
    } else if !satisfied(Kind::Forbid).is_empty() {
        (Verdict::Deny, "forbidden", satisfied(Kind::Forbid))
    } else if satisfied(Kind::Permit).is_empty() {
        (Verdict::Deny, "no_permit", BTreeSet::new())
    } else if !satisfied(Kind::Liftable).is_empty() {
        (
            Verdict::NeedsApproval,
            "needs_approval",
            satisfied(Kind::Liftable),
        )
    } else {
        (Verdict::Allow, "allowed", satisfied(Kind::Permit))
    }
}

fn check(policies: &Generated) {
    let text = text(policies);
    let bundle = Bundle::parse(bare(&[("base/generated.cedar", &text)])).unwrap();
    let params = json!({"service_id": "payments", "replicas": 3});
    let decision = decide(&bundle, &agent("automate-safe"), "infra.scale", &params);
    let (verdict, code, ids) = expected(policies);
    assert_eq!(decision.verdict, verdict, "{text}");
    assert!(
        codes(&decision).iter().all(|found| *found == code),
        "{code}: {decision:?}"
    );
    assert!(!decision.reasons.is_empty());
    let found: BTreeSet<String> = decision.policies.iter().cloned().collect();
    assert_eq!(found, ids, "{text}");
    let asked: BTreeSet<String> = decision
        .requirements
        .iter()
        .map(|rule| rule.policy.clone())
        .collect();
    let asks = if verdict == Verdict::NeedsApproval {
        ids
    } else {
        BTreeSet::new()
    };
    assert_eq!(
        asked, asks,
        "every satisfied requirement is passed on, and only when people can lift it"
    );
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::Permit), Just(Kind::Forbid), Just(Kind::Liftable)]
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        4 => Just(Outcome::Satisfied),
        4 => Just(Outcome::Unsatisfied),
        1 => Just(Outcome::Error),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn verdicts_come_in_the_order_of_the_design(
        policies in proptest::collection::vec((kind(), outcome()), 1..7),
    ) {
        check(&policies);
    }
}

#[test]
fn every_pair_of_policies_is_judged_in_order() {
    let kinds = [Kind::Permit, Kind::Forbid, Kind::Liftable];
    let outcomes = [Outcome::Satisfied, Outcome::Unsatisfied, Outcome::Error];
    for one in kinds {
        for outcome in outcomes {
            check(&vec![(Kind::Permit, Outcome::Satisfied), (one, outcome)]);
            check(&vec![(one, outcome)]);
        }
    }
    check(&vec![
        (Kind::Permit, Outcome::Satisfied),
        (Kind::Forbid, Outcome::Satisfied),
        (Kind::Liftable, Outcome::Satisfied),
    ]);
}

#[test]
fn a_forbid_that_overflows_denies_instead_of_being_skipped() {
    let policies = vec![
        (Kind::Permit, Outcome::Satisfied),
        (Kind::Forbid, Outcome::Error),
    ];
    let bundle = Bundle::parse(bare(&[("base/generated.cedar", &text(&policies))])).unwrap();
    let params = json!({"service_id": "payments", "replicas": 3});
    let decision = decide(&bundle, &agent("automate-safe"), "infra.scale", &params);
    assert_eq!(decision.verdict, Verdict::Deny);
    assert_eq!(codes(&decision), ["evaluation_error"]);
    assert_eq!(decision.reasons[0].policy.as_deref(), Some("p1"));
}
