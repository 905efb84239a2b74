//! Whether a receipt is a token's.

use countersign_intent::digest::Digest;
use countersign_intent::receipt::Receipt;
use countersign_intent::token::Intent;
use serde::Deserialize as _;
use serde_json::Value;

/// What keeps the receipt from being that of the token with this text; nothing when it is.
pub(super) fn differences(text: &str, token: &Value, receipt: &Value) -> Vec<String> {
    let Ok(intent) = Intent::deserialize(token.clone()) else {
        return vec!["the first is no intent token".to_owned()];
    };
    let Ok(receipt) = Receipt::deserialize(receipt.clone()) else {
        return vec!["the second is no receipt".to_owned()];
    };
    let call = intent.call();
    let mut found: Vec<String> = [
        ("jti", intent.jti.to_string(), receipt.jti.to_string()),
        (
            "tenant",
            intent.tenant.to_string(),
            receipt.tenant.to_string(),
        ),
        ("agent", intent.sub.to_string(), receipt.sub.to_string()),
        ("plan", intent.plan.to_string(), receipt.plan.to_string()),
        ("step", intent.step.to_string(), receipt.step.to_string()),
        ("tool", call.tool.to_string(), receipt.tool.to_string()),
        digests("params_sha256", call.params_sha256, receipt.params_sha256),
        digests(
            "request_sha256",
            call.request_sha256,
            receipt.request_sha256,
        ),
        digests(
            "definition_sha256",
            call.definition_sha256,
            receipt.definition_sha256,
        ),
        digests(
            "token_sha256",
            Digest::of(text.as_bytes()),
            receipt.token_sha256,
        ),
    ]
    .into_iter()
    .filter(|(_, token, receipt)| token != receipt)
    .map(|(name, token, receipt)| {
        format!("{name}: `{token}` of the token, `{receipt}` of the receipt")
    })
    .collect();
    if intent.precondition.is_some() != receipt.precondition.is_some() {
        found.push("precondition: one has it, the other has not".to_owned());
    }
    if receipt.consumed_at.as_second() >= intent.exp {
        found.push("consumed_at: the token had expired by then".to_owned());
    }
    found
}

fn digests(name: &'static str, token: Digest, receipt: Digest) -> (&'static str, String, String) {
    (name, token.to_string(), receipt.to_string())
}

#[cfg(test)]
mod tests {
    use countersign_intent::id::{AttemptId, IntentId, PlanId, TenantId};
    use countersign_intent::receipt::Outcome;
    use countersign_intent::token::{ToolCall, Use};
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;

    const TEXT: &str = "the token's text";

    fn intent() -> Intent {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        Intent {
            iss: "a".to_owned(),
            sub: "remediator".parse().unwrap(),
            aud: "e".to_owned(),
            iat: now.as_second(),
            nbf: now.as_second(),
            exp: now.as_second() + 60,
            jti: IntentId::mint(now, [1; 10]),
            authorization_details: [ToolCall {
                type_: "tool_call".to_owned(),
                tool: "infra.scale".parse().unwrap(),
                params_sha256: Digest::of(b"params"),
                definition_sha256: Digest::of(b"definition"),
                request_sha256: Digest::of(b"request"),
                use_: Use::Once,
            }],
            tenant: TenantId::single(),
            plan: PlanId::mint(now, [2; 10]),
            plan_sha256: Digest::of(b"plan"),
            step: "s1".parse().unwrap(),
            policy: Digest::of(b"policy"),
            policy_epoch: 1,
            approvals: None,
            precondition: None,
            cnf: None,
        }
    }

    fn receipt(intent: &Intent) -> Value {
        let at = Timestamp::from_second(intent.iat).unwrap();
        let call = intent.call();
        serde_json::to_value(Receipt {
            iss: "e".to_owned(),
            iat: intent.iat,
            sub: intent.sub.clone(),
            jti: intent.jti.clone(),
            attempt: AttemptId::mint(at, [3; 10]),
            tenant: intent.tenant.clone(),
            plan: intent.plan.clone(),
            step: intent.step.clone(),
            tool: call.tool.clone(),
            params_sha256: call.params_sha256,
            request_sha256: call.request_sha256,
            definition_sha256: call.definition_sha256,
            token_sha256: Digest::of(TEXT.as_bytes()),
            outcome: Outcome::Done,
            status: Some(200),
            body_sha256: None,
            body_length: None,
            consumed_at: at,
            ended_at: at,
            sends: None,
            precondition: None,
            leaf: None,
        })
        .unwrap()
    }

    #[test]
    fn every_member_that_both_have_is_compared() {
        let intent = intent();
        let token = serde_json::to_value(&intent).unwrap();
        let good = receipt(&intent);
        assert_eq!(differences(TEXT, &token, &good), Vec::<String>::new());
        let digest = json!(Digest::of(b"other"));
        let other = IntentId::mint(Timestamp::UNIX_EPOCH, [9; 10]);
        for (member, value) in [
            ("jti", json!(other)),
            ("tenant", json!("other")),
            ("sub", json!("other")),
            ("plan", json!(PlanId::mint(Timestamp::UNIX_EPOCH, [9; 10]))),
            ("step", json!("s2")),
            ("tool", json!("infra.restart")),
            ("params_sha256", digest.clone()),
            ("request_sha256", digest.clone()),
            ("definition_sha256", digest.clone()),
            ("token_sha256", digest.clone()),
            ("precondition", json!("probe")),
            ("consumed_at", json!("2027-01-15T08:01:00Z")),
        ] {
            let mut bad = good.clone();
            bad[member] = value;
            let found = differences(TEXT, &token, &bad);
            assert_eq!(found.len(), 1, "{member}: {found:?}");
        }
        assert_eq!(differences("another text", &token, &good).len(), 1);
        assert_eq!(differences(TEXT, &good, &good).len(), 1);
    }
}
