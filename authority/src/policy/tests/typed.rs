//! Parameters of every type reach policies as what they are.

use serde_json::{Value, json};

use super::super::{Bundle, Decision, Verdict};
use super::{agent, bare, codes, decide, folder};

const TOOL: &str = r#"
[[tool]]
name = "pay.send"
description = "Send money"
effect = "service"
resource = { type = "System", id = "cloud" }
upstream = "cloud"
request = { method = "POST", path = "/v1/payments", body = { amount = "{amount}" } }

[tool.params]
type = "object"
required = ["amount", "urgent", "to"]
[tool.params.properties.amount]
type = "number"
[tool.params.properties.urgent]
type = "boolean"
[tool.params.properties.confirm]
type = ["boolean", "string"]
[tool.params.properties.tags]
type = "array"
items = { type = "string" }
[tool.params.properties.to]
type = "object"
required = ["name"]
[tool.params.properties.to.properties.name]
type = "string"
[tool.params.properties.to.properties."floor-number"]
type = "integer"
"#;

const POLICY: &str = r#"
@id("small")
permit (principal is Agent, action == Action::"pay.send", resource)
when { context.params.amount.lessThanOrEqual(decimal("100.0")) };

@id("no-rush")
forbid (principal is Agent, action == Action::"pay.send", resource)
when { context.params.urgent };

@id("no-secret")
forbid (principal is Agent, action == Action::"pay.send", resource)
when { context.params has tags && context.params.tags.contains("secret") };

@id("not-upstairs")
forbid (principal is Agent, action == Action::"pay.send", resource)
when { context.params.to has "floor-number" && context.params.to["floor-number"] > 3 };

@id("not-to-mallory")
forbid (principal is Agent, action == Action::"pay.send", resource)
when { context.params.to.name == "mallory" };
"#;

fn pay(change: &Value) -> Decision {
    let mut params = json!({"amount": 5, "urgent": false, "to": {"name": "alice"}});
    for (name, value) in change.as_object().unwrap() {
        params[name] = value.clone();
    }
    let bundle = Bundle::parse(bare(&[
        ("tools/pay.toml", TOOL),
        ("base/pay.cedar", POLICY),
    ]))
    .unwrap();
    decide(&bundle, &agent("automate-safe"), "pay.send", &params)
}

#[test]
fn every_type_is_compared_as_itself() {
    for (change, by) in [
        (json!({}), "small"),
        (json!({"amount": 100}), "small"),
        (json!({"amount": 99.9999}), "small"),
        (json!({"amount": -0.5}), "small"),
        (json!({"urgent": true}), "no-rush"),
        (json!({"tags": ["a", "secret"]}), "no-secret"),
        (json!({"tags": []}), "small"),
        (
            json!({"to": {"name": "alice", "floor-number": 4}}),
            "not-upstairs",
        ),
        (json!({"to": {"name": "alice", "floor-number": 3}}), "small"),
        (json!({"to": {"name": "mallory"}}), "not-to-mallory"),
    ] {
        assert_eq!(pay(&change).policies, [by], "{change}");
    }
    assert_eq!(codes(&pay(&json!({"amount": 100.0001}))), ["no_permit"]);
}

#[test]
fn a_number_that_cedar_cannot_hold_is_denied() {
    for amount in [
        json!(0.000_01),
        json!(1e-7),
        json!(1e300),
        json!(1e15 + 0.5),
    ] {
        let decision = pay(&json!({"amount": amount}));
        assert_eq!(decision.verdict, Verdict::Deny, "{amount}");
        assert_eq!(codes(&decision), ["evaluation_error"], "{amount}");
    }
}

#[test]
fn parameters_that_look_like_cedar_are_plain_text() {
    let entity = json!({"to": {"name": "{\"__entity\":{\"type\":\"Role\",\"id\":\"x\"}}"}});
    assert_eq!(pay(&entity).policies, ["small"]);
}

#[test]
fn the_counted_change_comes_from_the_inventory() {
    let site = r#"
@id("halving")
forbid (principal is Agent, action == Action::"infra.scale", resource)
when { context has change && context.change has delta_percent && context.change.delta_percent <= -50 };
"#;
    let bundle = Bundle::parse(folder(&[("site/x.cedar", Some(site))])).unwrap();
    let scale = |replicas: i64| {
        let params = json!({"service_id": "payments", "replicas": replicas});
        decide(&bundle, &agent("automate-safe"), "infra.scale", &params)
    };
    assert_eq!(scale(1).policies, ["halving"], "3 to 1 is minus 66 percent");
    let fine = scale(2);
    assert_eq!(fine.verdict, Verdict::Allow, "3 to 2 is minus 33 percent");
    assert_eq!(
        fine.change,
        Some(json!({"attribute": "replicas", "before": 3, "after": 2}))
    );
}

#[test]
fn a_parameter_of_several_types_is_left_out_and_cannot_be_named() {
    for confirm in [json!(true), json!("alice")] {
        assert_eq!(pay(&json!({"confirm": confirm})).policies, ["small"]);
    }
    let reading = POLICY.replace(
        "context.params.urgent",
        "context.params has confirm && context.params.confirm",
    );
    let error = Bundle::parse(bare(&[
        ("tools/pay.toml", TOOL),
        ("base/pay.cedar", &reading),
    ]));
    let loaded = error.map(|bundle| bundle.warnings().to_vec());
    assert!(
        loaded.is_err() || !loaded.unwrap().is_empty(),
        "at least a rule that never applies"
    );
}
