//! What people say of a call in doubt. What cannot be undone takes the same word of two of them.

use std::collections::BTreeSet;

use countersign_intent::id::OperatorId;
use countersign_intent::tool::Effect;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::call::Call;
use crate::execution::Resolution;

/// An operator's word on a call in doubt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(crate) struct Word {
    /// Who says it.
    pub(crate) by: OperatorId,
    /// Whether the call ran.
    pub(crate) resolution: Resolution,
    /// What shows it.
    pub(crate) evidence: String,
    /// Why it was concluded.
    pub(crate) reason: String,
    /// When it was said.
    pub(crate) at: Timestamp,
}

/// What a word comes to, with those before it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// It settles the doubt.
    Settles,
    /// More people must say the same.
    Waits,
    /// This one said otherwise.
    Differs(Word),
}

/// How many people must say the same of a call with this effect.
pub(crate) const fn needed(effect: Effect) -> usize {
    match effect {
        Effect::Read | Effect::Service => 1,
        Effect::Destructive | Effect::Data => 2,
    }
}

/// Weighs `word` with what other people said before; a person's own earlier word is taken back by it.
pub(super) fn weigh(effect: Effect, word: &Word, before: &[Word]) -> Weight {
    let others = || before.iter().filter(|other| other.by != word.by);
    if let Some(other) = others().find(|other| other.resolution != word.resolution) {
        return Weight::Differs(other.clone());
    }
    let people: BTreeSet<&OperatorId> = others().map(|other| &other.by).chain([&word.by]).collect();
    if people.len() >= needed(effect) {
        Weight::Settles
    } else {
        Weight::Waits
    }
}

/// What a record says of a word that waits for another.
pub(super) fn waiting(call: &Call, word: &Word) -> Value {
    json!({
        "jti": call.jti, "attempt": call.attempt, "state": call.state.as_str(),
        "request_sha256": call.request_sha256, "word": word,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(by: &str, resolution: Resolution) -> Word {
        Word {
            by: by.parse().unwrap(),
            resolution,
            evidence: "e".to_owned(),
            reason: "r".to_owned(),
            at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn one_person_settles_a_service_and_two_what_cannot_be_undone() {
        use Resolution::{Executed, NotExecuted};
        let ann = word("ann", Executed);
        for (effect, alone) in [
            (Effect::Service, Weight::Settles),
            (Effect::Destructive, Weight::Waits),
            (Effect::Data, Weight::Waits),
        ] {
            assert_eq!(weigh(effect, &ann, &[]), alone, "{effect}");
            let said = [ann.clone()];
            assert_eq!(weigh(effect, &ann, &said), alone, "{effect}: not twice");
            let same = weigh(effect, &word("ben", Executed), &said);
            assert_eq!(same, Weight::Settles, "{effect}");
            let other = weigh(effect, &word("ben", NotExecuted), &said);
            assert_eq!(other, Weight::Differs(ann.clone()), "{effect}");
            let changed = weigh(effect, &word("ann", NotExecuted), &said);
            assert_eq!(changed, alone, "{effect}: one's own word can be taken back");
        }
    }
}
