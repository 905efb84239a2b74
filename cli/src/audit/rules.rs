//! The rules, one function each. A rule speaks only about logs that are there: without an authority's log
//! nothing is said about issuing.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use countersign_intent::digest::Digest;
use countersign_intent::jws;
use countersign_intent::key::VerifyingKeys;
use countersign_intent::token::{Floor, Intent, UnverifiedToken, Verifier};
use countersign_ledger::Kind;
use jiff::Timestamp;
use serde::Deserialize as _;
use serde_json::Value;

use super::{Finding, Placed};

/// What a token was issued for must be what was spent: members of both records.
const EQUAL: [&str; 7] = [
    "agent",
    "plan",
    "step",
    "tool",
    "params_sha256",
    "request_sha256",
    "definition_sha256",
];

/// Holds the records against each other. Gives how many of the spent tokens' calls ended.
pub(super) fn check(
    placed: &[Placed<'_>],
    keys: &VerifyingKeys,
    findings: &mut Vec<Finding>,
) -> usize {
    let issued = once(
        placed,
        Kind::Issue,
        ("issued_once", "was issued twice"),
        findings,
    );
    let spent = once(
        placed,
        Kind::Consume,
        ("spent_once", "was spent twice"),
        findings,
    );
    let has_authority = placed.iter().any(|item| is_by(item, "authority"));
    let has_enforcer = placed.iter().any(|item| is_by(item, "enforcer"));
    for item in spent.values() {
        if let Some(intent) = signature(item, keys, findings) {
            within_life(item, &intent, findings);
            binds(item, &intent, findings);
        }
        if has_authority {
            was_issued(item, &issued, findings);
        }
    }
    let ended = ends(placed, &spent, findings);
    if has_authority && has_enforcer {
        receipts_have_records(placed, findings);
    }
    ended
}

fn is_by(item: &Placed<'_>, role: &str) -> bool {
    item.record.writer.split('#').next() == Some(role)
}

fn text<'a>(item: &'a Placed<'_>, member: &str) -> Option<&'a str> {
    item.record.body.get(member).and_then(Value::as_str)
}

fn find(
    findings: &mut Vec<Finding>,
    rule: &'static str,
    item: &Placed<'_>,
    message: impl Into<String>,
) {
    let (log, index) = (item.log.to_owned(), item.index);
    findings.push(Finding {
        rule,
        log,
        index,
        message: message.into(),
    });
}

type ByToken<'a> = BTreeMap<String, &'a Placed<'a>>;

/// One record of `kind` per token, whichever log it stands in.
fn once<'a>(
    placed: &'a [Placed<'a>],
    kind: Kind,
    (rule, what): (&'static str, &str),
    findings: &mut Vec<Finding>,
) -> ByToken<'a> {
    let mut found = BTreeMap::new();
    for item in placed.iter().filter(|item| item.record.kind == kind) {
        let Some(jti) = item.record.jti() else {
            find(findings, rule, item, "the record names no token");
            continue;
        };
        match found.entry(format!("{}/{jti}", item.record.tenant)) {
            Entry::Occupied(_) => find(findings, rule, item, format!("token `{jti}` {what}")),
            Entry::Vacant(place) => {
                place.insert(item);
            }
        }
    }
    found
}

/// The spent token is signed by a known key. Gives what it says.
fn signature(
    item: &Placed<'_>,
    keys: &VerifyingKeys,
    findings: &mut Vec<Finding>,
) -> Option<Intent> {
    let rule = "token_signed";
    let Some(token) = text(item, "token") else {
        find(
            findings,
            rule,
            item,
            "the record does not hold the spent token",
        );
        return None;
    };
    let claims = jws::peek(token)
        .ok()
        .and_then(|claims| Intent::deserialize(claims).ok());
    let Some(intent) = claims else {
        find(findings, rule, item, "what was spent is no intent token");
        return None;
    };
    let verifier = Verifier {
        issuer: intent.iss.clone(),
        audience: intent.aud.clone(),
        tenant: intent.tenant.clone(),
    };
    let issued_at = Timestamp::from_second(intent.nbf).unwrap_or(item.record.at);
    let checked = UnverifiedToken::new(token)
        .and_then(|token| verifier.verify(token, keys, issued_at, Floor::default()));
    match checked {
        Ok(token) => Some(token.get().clone()),
        Err(refusal) => {
            find(
                findings,
                rule,
                item,
                format!("the spent token does not verify: {refusal}"),
            );
            None
        }
    }
}

/// The token was spent within its life.
fn within_life(item: &Placed<'_>, intent: &Intent, findings: &mut Vec<Finding>) {
    if item.record.at.as_second() >= intent.exp {
        find(
            findings,
            "spent_in_time",
            item,
            "the token had expired when it was spent",
        );
    }
}

/// The record says what the token says.
fn binds(item: &Placed<'_>, intent: &Intent, findings: &mut Vec<Finding>) {
    let call = intent.call();
    let said = [
        ("jti", intent.jti.to_string()),
        ("agent", intent.sub.to_string()),
        ("plan", intent.plan.to_string()),
        ("step", intent.step.to_string()),
        ("tool", call.tool.to_string()),
        ("params_sha256", call.params_sha256.to_string()),
        ("request_sha256", call.request_sha256.to_string()),
        ("definition_sha256", call.definition_sha256.to_string()),
    ];
    for (member, value) in said {
        if text(item, member) != Some(value.as_str()) {
            let message = format!("`{member}` of the record is not that of the spent token");
            find(findings, "record_is_token", item, message);
        }
    }
}

/// The authority issued this very token, for this very call.
fn was_issued(item: &Placed<'_>, issued: &ByToken<'_>, findings: &mut Vec<Finding>) {
    let rule = "spent_was_issued";
    let Some(jti) = item.record.jti() else { return };
    let Some(issue) = issued.get(&format!("{}/{jti}", item.record.tenant)) else {
        find(
            findings,
            rule,
            item,
            format!("token `{jti}` was spent and never issued"),
        );
        return;
    };
    for member in EQUAL {
        if text(item, member) != text(issue, member) {
            let message = format!("`{member}` differs between issuing and spending `{jti}`");
            find(findings, rule, item, message);
        }
    }
    let digest = text(item, "token").map(|token| Digest::of(token.as_bytes()).to_string());
    if digest.as_deref() != text(issue, "token_sha256") {
        let message = format!("another text than the issued one was spent as `{jti}`");
        find(findings, rule, item, message);
    }
}

/// What the enforcer says ended had begun, with the same attempt, and earlier.
fn ends(placed: &[Placed<'_>], spent: &ByToken<'_>, findings: &mut Vec<Finding>) -> usize {
    let rule = "end_after_begin";
    let by_enforcer = placed.iter().filter(|item| is_by(item, "enforcer"));
    let ended = by_enforcer.filter(|item| {
        matches!(item.record.kind, Kind::Outcome | Kind::Resolve)
            && item.record.body.contains_key("attempt")
    });
    let (mut outcomes, mut over) = (BTreeSet::new(), BTreeSet::new());
    for item in ended {
        let Some(jti) = item.record.jti() else {
            continue;
        };
        let Some(begin) = spent.get(&format!("{}/{jti}", item.record.tenant)) else {
            find(
                findings,
                rule,
                item,
                format!("`{jti}` ended and was never spent"),
            );
            continue;
        };
        over.insert((begin.log, begin.index));
        if text(begin, "attempt") != text(item, "attempt") {
            let message = format!("another attempt than the one that spent `{jti}` ended");
            find(findings, rule, item, message);
        }
        if begin.log == item.log && begin.index >= item.index {
            find(
                findings,
                rule,
                item,
                format!("`{jti}` ended before it was spent"),
            );
        }
        if text(begin, "request_sha256") != text(item, "request_sha256") {
            let message = format!("another request than the approved one ended for `{jti}`");
            find(findings, rule, item, message);
        }
        if item.record.kind == Kind::Outcome && !outcomes.insert((begin.log, begin.index)) {
            find(
                findings,
                "ended_once",
                item,
                format!("`{jti}` has two outcomes"),
            );
        }
    }
    over.len()
}

/// An outcome that the authority took from a receipt names a record that the enforcer really has.
fn receipts_have_records(placed: &[Placed<'_>], findings: &mut Vec<Finding>) {
    let leaves: BTreeSet<String> = placed
        .iter()
        .filter(|item| is_by(item, "enforcer"))
        .map(|item| item.leaf.to_string())
        .collect();
    let taken = placed
        .iter()
        .filter(|item| is_by(item, "authority") && item.record.kind == Kind::Outcome);
    for item in taken {
        if let Some(leaf) = text(item, "leaf")
            && !leaves.contains(leaf)
        {
            let message = "a receipt names a record that no enforcer's log holds";
            find(findings, "receipt_has_record", item, message);
        }
    }
}
