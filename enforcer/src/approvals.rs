//! Whether people approved the call, as far as the enforcer checks it itself.
//!
//! The token binds the approval set by its hash. For what cannot be undone the enforcer does not
//! take the authority's word: it verifies the approvers' own signatures over the plan hash.

use std::collections::BTreeSet;

use countersign_intent::approval::{self, ApprovalSet};
use countersign_intent::refusal::{Refusal, RefusalCode};
use countersign_intent::token::MatchedCall;
use countersign_intent::tool::Effect;
use countersign_service::directory::{Autonomy, Directory};

/// Checks the header `Intent-Approvals` against the token, and the signatures that `effect` needs.
///
/// A `destructive` call needs one valid signature, unless its agent may destroy by itself and the token
/// names no approvals. A `data` call always needs two. The plan that they signed must hold this very
/// call. So a stolen intent-signing key neither destroys in the name of another agent nor touches data,
/// with old approvals either.
pub(crate) fn check(
    call: &MatchedCall,
    effect: Effect,
    autonomy: Autonomy,
    header: Option<&str>,
    directory: &Directory,
) -> Result<(), Refusal> {
    let intent = call.intent();
    let Some(claimed) = intent.approvals else {
        return match (effect, autonomy) {
            (Effect::Read | Effect::Service, _)
            | (Effect::Destructive, Autonomy::AutomateDestructive) => Ok(()),
            (Effect::Destructive, _) => Err(missing(
                "a destructive call of this agent needs a person's approval",
            )),
            (Effect::Data, _) => Err(missing("a call on data needs the approval of two people")),
        };
    };
    let header = header.ok_or_else(|| {
        missing("the token names approvals: send them in the `Intent-Approvals` header")
    })?;
    let set = ApprovalSet::decode(header).map_err(|error| missing(&error.to_string()))?;
    if set.digest() != claimed {
        return Err(missing("the approvals are not those that the token names"));
    }
    if set.plan_sha256 != intent.plan_sha256 || set.step != intent.step {
        return Err(missing("the approvals are for another plan or step"));
    }
    let needed = match effect {
        Effect::Read | Effect::Service => return Ok(()),
        Effect::Destructive => 1,
        Effect::Data => 2,
    };
    if !set.covers(call) {
        return Err(missing(
            "the plan that was approved does not hold this call",
        ));
    }
    let signed = signers(&set, directory);
    if signed < needed {
        let people = if needed == 1 {
            "one approver"
        } else {
            "two approvers"
        };
        let message = format!("{people} must sign the plan hash; {signed} valid signatures came");
        return Err(missing(&message));
    }
    Ok(())
}

/// How many different people signed the plan hash with the key that `operators.toml` gives them.
fn signers(set: &ApprovalSet, directory: &Directory) -> usize {
    let mut people = BTreeSet::new();
    let mut keys = BTreeSet::new();
    for given in &set.approvals {
        let key = directory
            .operator(&given.approver)
            .and_then(|person| person.approver_key.as_ref());
        let (Some(key), Some(signature)) = (key, &given.signature) else {
            continue;
        };
        if approval::verify(key, &set.plan_sha256, signature) {
            // One key in two people's names is one signer.
            people.insert(&given.approver);
            keys.insert(key.kid());
        }
    }
    people.len().min(keys.len())
}

fn missing(message: &str) -> Refusal {
    Refusal::new(RefusalCode::ApprovalMissing, message)
}
