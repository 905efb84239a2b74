//! Tokens and receipts in words, with units.

use countersign_intent::receipt::{Looked, Outcome, Receipt};
use countersign_intent::token::Intent;
use jiff::Timestamp;
use serde::Deserialize as _;
use serde_json::Value;

use crate::output::cell;

/// What a token permits.
pub(super) fn of_token(claims: &Value, now: Timestamp) -> Vec<String> {
    let Ok(intent) = Intent::deserialize(claims.clone()) else {
        return vec!["these are not the claims of an intent".to_owned()];
    };
    let left = intent.exp.saturating_sub(now.as_second());
    let life = if left > 0 {
        format!("{left} s left")
    } else {
        "expired".to_owned()
    };
    let call = intent.call();
    let mut lines = vec![
        format!(
            "only agent {} may use it, at enforcer {}",
            intent.sub, intent.aud
        ),
        format!(
            "only {} with exactly these parameters ({})",
            call.tool, call.params_sha256
        ),
        format!(
            "{}, until {} ({life})",
            cell(claims, "/authorization_details/0/use"),
            second(intent.exp)
        ),
        format!("for step {} of plan {}", intent.step, intent.plan),
    ];
    if let Some(confirmation) = &intent.cnf {
        lines.push(format!(
            "only with a proof by the agent's key {}",
            confirmation.jkt
        ));
    }
    if let Some(seen) = &intent.precondition {
        lines.push(format!(
            "only while the value that was seen is there ({seen})"
        ));
    }
    lines
}

/// Every claim of a receipt, one a line.
pub(super) fn of_receipt(receipt: &Receipt) -> Vec<String> {
    let took = receipt.ended_at.duration_since(receipt.consumed_at);
    let mut rows = vec![
        ("outcome", outcome(receipt.outcome).to_owned()),
        (
            "status",
            optional(receipt.status, |status| format!("HTTP {status}")),
        ),
        ("tool", receipt.tool.to_string()),
        ("agent", receipt.sub.to_string()),
        ("plan, step", format!("{}, {}", receipt.plan, receipt.step)),
        ("tenant", receipt.tenant.to_string()),
        ("token id", receipt.jti.to_string()),
        ("attempt", receipt.attempt.to_string()),
        ("enforcer", receipt.iss.clone()),
        ("consumed at", receipt.consumed_at.to_string()),
        (
            "ended at",
            format!("{} ({} ms later)", receipt.ended_at, took.as_millis()),
        ),
        ("signed at", second(receipt.iat)),
        (
            "answer",
            optional(receipt.body_length, |length| format!("{length} bytes")),
        ),
        (
            "answer sha256",
            optional(receipt.body_sha256, |digest| digest.to_string()),
        ),
        ("params sha256", receipt.params_sha256.to_string()),
        ("request sha256", receipt.request_sha256.to_string()),
        ("definition sha256", receipt.definition_sha256.to_string()),
        ("token sha256", receipt.token_sha256.to_string()),
        (
            "record leaf",
            optional(receipt.leaf, |digest| digest.to_string()),
        ),
    ];
    if let Some(sends) = receipt.sends {
        rows.push(("sent", format!("{sends} times, under one idempotency key")));
    }
    if let Some(Looked::Probe) = receipt.precondition {
        let looked = "held when it was read, right before the token was spent (probe)";
        rows.push(("precondition", looked.to_owned()));
    }
    rows.iter()
        .map(|(name, value)| format!("  {name:<18} {value}"))
        .collect()
}

fn optional<T>(value: Option<T>, show: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| "none".to_owned(), show)
}

const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "done: a complete answer came",
        Outcome::NotSent => "not sent: nothing was written to the upstream",
        Outcome::InDoubt => "in doubt: whether it ran is not known",
        Outcome::ResolvedExecuted => "resolved: it ran",
        Outcome::ResolvedNotExecuted => "resolved: it did not run",
    }
}

fn second(second: i64) -> String {
    Timestamp::from_second(second)
        .map_or_else(|_| format!("{second} s since 1970"), |at| at.to_string())
}
