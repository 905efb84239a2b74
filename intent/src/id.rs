//! Identifiers: one newtype per kind, each with one canonical spelling.
//!
//! Minted ids are ULIDs (48 bits of milliseconds, 80 random bits, Crockford base 32), with a prefix
//! that names the kind, so that they sort by time and cannot be mixed up.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

/// An id that is not of its kind's form.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is no {kind}: {rule}")]
pub struct IdError {
    kind: &'static str,
    rule: &'static str,
    text: String,
}

const NAME_RULE: &str = "1 to 128 of A-Z a-z 0-9 . _ : / @ -";
const ULID_RULE: &str = "its prefix and 26 Crockford base 32 digits";
const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._:/@-".contains(&byte);
    (1..=128).contains(&text.len()) && text.bytes().all(allowed)
}

fn is_ulid(text: &str) -> bool {
    text.len() == 26 && text.bytes().all(|byte| CROCKFORD.contains(&byte))
}

/// The ULID of `now` and `random`.
fn ulid(now: Timestamp, random: [u8; 10]) -> String {
    let millis = u128::try_from(now.as_millisecond()).unwrap_or(0);
    let random = random
        .iter()
        .fold(0u128, |sum, byte| (sum << 8) | u128::from(*byte));
    let value = (millis << 80) | random;
    (0..26u32)
        .rev()
        .filter_map(|digit| {
            let index = (value >> digit.saturating_mul(5)) & 31;
            CROCKFORD
                .get(usize::try_from(index).unwrap_or(0))
                .map(|byte| char::from(*byte))
        })
        .collect()
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $rule:expr, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, utoipa::ToSchema)]
        #[schema(value_type = String)]
        pub struct $name(String);

        impl $name {
            /// The canonical spelling.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let check: fn(&str) -> bool = $check;
                if check(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    let text = text.chars().take(160).collect();
                    Err(IdError { kind: $kind, rule: $rule, text })
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "{}({})", stringify!($name), self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

macro_rules! minted {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $prefix:literal) => {
        id!($(#[$doc])* $name, $kind, ULID_RULE, |text| text.strip_prefix($prefix).is_some_and(is_ulid));

        impl $name {
            /// A new id from the time and 80 random bits.
            pub fn mint(now: Timestamp, random: [u8; 10]) -> Self {
                Self(format!("{}{}", $prefix, ulid(now, random)))
            }
        }
    };
}

minted!(/** A plan. */ PlanId, "plan id", "pln_");
minted!(/** A planner's run; plans of one run share budgets, loop facts and taint. */ RunId, "run id", "run_");
minted!(/** A request for people's approval of one step. */ ApprovalId, "approval id", "apr_");
minted!(/** One attempt of the enforcer to run a call. */ AttemptId, "attempt id", "att_");
minted!(/** An intent token's `jti`: time-ordered, with 80 random bits. */ IntentId, "intent id", "");

id!(/** A step's name within its plan. */ StepId, "step id", "1 to 64 of A-Z a-z 0-9 . _ -", |text| {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
});
id!(/** An agent's name. */ AgentId, "agent name", NAME_RULE, is_name);
id!(/** A person's name among the operators. */ OperatorId, "operator name", NAME_RULE, is_name);
id!(/** One proof of possession; unique among an agent's proofs of the last minute. */ ProofId, "proof id", NAME_RULE, is_name);
id!(/** A tool's name. */ ToolName, "tool name", NAME_RULE, is_name);
id!(/** A tenant's name. */ TenantId, "tenant name", NAME_RULE, is_name);
id!(
    /** A signing key's id: the first 8 bytes of the SHA-256 of the public key, in hexadecimal. */
    KeyId, "key id", "16 lowercase hexadecimal digits",
    |text| text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
);

impl ProofId {
    /// A new id from the time and 80 random bits.
    pub fn mint(now: Timestamp, random: [u8; 10]) -> Self {
        Self(ulid(now, random))
    }
}

impl TenantId {
    /// The tenant of a deployment that has one: `default`.
    pub fn single() -> Self {
        Self("default".to_owned())
    }
}

impl KeyId {
    /// The id of the raw Ed25519 public key `public`.
    pub fn of(public: &[u8; 32]) -> Self {
        Self(
            crate::digest::Digest::of(public)
                .to_string()
                .chars()
                .take(16)
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minted_ids_sort_by_time_and_parse_back() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let early = IntentId::mint(at(1), [255; 10]);
        let late = IntentId::mint(at(2), [0; 10]);
        assert!(early < late);
        assert_eq!(late.as_str().len(), 26);
        let plan = PlanId::mint(at(1), [7; 10]);
        assert_eq!(plan.as_str().parse::<PlanId>().unwrap(), plan);
        assert!(plan.as_str().parse::<RunId>().is_err());
    }

    #[test]
    fn foreign_spellings_are_refused() {
        for text in ["", "a b", "ä", "a\n"] {
            assert!(text.parse::<ToolName>().is_err(), "{text:?}");
        }
        assert!("s/1".parse::<StepId>().is_err());
        assert!("ABCDEF0123456789".parse::<KeyId>().is_err());
    }
}
