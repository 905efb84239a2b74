//! What a goal's words ask for, as far as it can be told without a model.
//!
//! A goal is either an explicit request that a runbook's pattern matches word by word, or it is about
//! health, and then the open alerts say what to do. Everything else is not understood, and nothing is
//! done about it.
//!
//! A pattern is a line of words. `a|b` takes either word, `[word]` may be missing, `{name}` takes one
//! identifier, `{name:integer}` one whole number. A pattern must match the whole clause; case, a closing
//! full stop, quotes around words and a leading "please" do not matter.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use serde_json::{Map, Value};

/// Goals with more words are not matched.
const MAX_WORDS: usize = 64;

/// Words that a request can consist of but that name nothing.
const NO_NAMES: &[&str] = &[
    "a",
    "account",
    "all",
    "alert",
    "an",
    "and",
    "any",
    "database",
    "every",
    "everything",
    "it",
    "key",
    "keys",
    "replicas",
    "service",
    "services",
    "that",
    "the",
    "them",
    "this",
    "to",
    "user",
];

/// Stems of words that make a goal one about health.
const HEALTH: &[&str] = &[
    "alert",
    "broken",
    "cpu",
    "crash",
    "degrad",
    "diagnos",
    "down",
    "error",
    "fail",
    "fire",
    "firing",
    "fix",
    "heal",
    "incident",
    "investigat",
    "latency",
    "leak",
    "memory",
    "mitigat",
    "outage",
    "overload",
    "page",
    "problem",
    "recover",
    "remediat",
    "repair",
    "resolv",
    "respond",
    "restor",
    "slow",
    "spike",
    "stabil",
    "storm",
    "traffic",
    "triage",
    "troubl",
    "unavail",
    "unhealthy",
    "unrespons",
    "well",
    "working",
];

/// Stems of words that ask for something in particular. A goal with one of them that no pattern matches
/// is not taken for one about health: it asks for something else.
const REQUESTS: &[&str] = &[
    "adding", "admin", "approv", "backup", "chang", "creat", "delet", "destroy", "disabl", "drop",
    "eras", "grant", "install", "kill", "lock", "password", "purg", "remov", "renam", "reset",
    "revok", "rotat", "scal", "shut", "stop", "terminat", "truncat", "unlock", "updat", "upgrad",
    "wip", "writ",
];

/// A pattern of a runbook's `goal`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    text: String,
    words: Vec<Word>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Word {
    Literal { any_of: Vec<String>, need: Need },
    Name(String),
    Integer(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    Required,
    Optional,
}

/// A text that is no pattern.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a goal pattern: words, `a|b`, `[word]`, `{{name}}` and `{{name:integer}}`")]
pub(crate) struct PatternError(String);

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let wrong = || PatternError(text.to_owned());
        let words: Vec<Word> = text
            .split_whitespace()
            .map(|word| parse_word(word).ok_or_else(wrong))
            .collect::<Result<_, _>>()?;
        let anchored = words.iter().any(|word| {
            matches!(
                word,
                Word::Literal {
                    need: Need::Required,
                    ..
                }
            )
        });
        if anchored {
            Ok(Self {
                text: text.to_owned(),
                words,
            })
        } else {
            Err(wrong())
        }
    }
}

fn parse_word(word: &str) -> Option<Word> {
    if let Some(inner) = word.strip_prefix('{') {
        let inner = inner.strip_suffix('}')?;
        return match inner.split_once(':') {
            None if is_word(inner) => Some(Word::Name(inner.to_owned())),
            Some((name, "integer")) if is_word(name) => Some(Word::Integer(name.to_owned())),
            None | Some(_) => None,
        };
    }
    let (inner, need) = match word.strip_prefix('[') {
        Some(inner) => (inner.strip_suffix(']')?, Need::Optional),
        None => (word, Need::Required),
    };
    let any_of: Vec<String> = inner.split('|').map(str::to_lowercase).collect();
    let plain = |word: &String| {
        !word.is_empty()
            && word
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-'_".contains(&b))
    };
    any_of
        .iter()
        .all(plain)
        .then_some(Word::Literal { any_of, need })
}

fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

impl Pattern {
    /// The names that the pattern captures.
    pub(crate) fn captures(&self) -> impl Iterator<Item = &str> {
        self.words.iter().filter_map(|word| match word {
            Word::Name(name) | Word::Integer(name) => Some(name.as_str()),
            Word::Literal { .. } => None,
        })
    }

    /// What the pattern captures of `clause`, when it matches the whole of it.
    pub(crate) fn matches(&self, clause: &str) -> Option<Map<String, Value>> {
        let words: Vec<&str> = words(clause);
        let mut captures = BTreeMap::new();
        step(&self.words, &words, &mut captures).then(|| {
            captures
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect()
        })
    }
}

/// Matches with backtracking; a pattern has few optional words.
fn step<'p>(pattern: &'p [Word], words: &[&str], captures: &mut BTreeMap<&'p str, Value>) -> bool {
    let Some((want, rest)) = pattern.split_first() else {
        return words.is_empty();
    };
    let skipped = matches!(
        want,
        Word::Literal {
            need: Need::Optional,
            ..
        }
    );
    if let Some((word, others)) = words.split_first() {
        let taken = match want {
            Word::Literal { any_of, .. } => any_of.contains(&word.to_lowercase()),
            Word::Name(name) => {
                let named = is_name(word);
                if named {
                    captures.insert(name, Value::from(*word));
                }
                named
            }
            Word::Integer(name) => match word.parse::<i64>() {
                Ok(number) if number.to_string() == *word => {
                    captures.insert(name, Value::from(number));
                    true
                }
                Ok(_) | Err(_) => false,
            },
        };
        if taken && step(rest, others, captures) {
            return true;
        }
    }
    skipped && step(rest, words, captures)
}

fn is_name(word: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._:/@-".contains(&byte);
    word.bytes().all(allowed)
        && word.bytes().any(|byte| byte.is_ascii_alphanumeric())
        && !NO_NAMES.contains(&word.to_lowercase().as_str())
}

/// The words of a text, without the quotes around them and the full stop at the end.
fn words(text: &str) -> Vec<&str> {
    let text = text.trim().trim_end_matches(['.', '!', '?', ';', ',']);
    let mut words: Vec<&str> = text
        .split_whitespace()
        .map(|word| word.trim_matches(|c: char| "\"'`()“”‘’,;".contains(c)))
        .filter(|word| !word.is_empty())
        .take(MAX_WORDS + 1)
        .collect();
    if words
        .first()
        .is_some_and(|word| word.eq_ignore_ascii_case("please"))
    {
        words.remove(0);
    }
    if words.len() > MAX_WORDS {
        Vec::new()
    } else {
        words
    }
}

/// The ways to read a goal as a list of requests: as one, and cut at "and", "then", commas, semicolons.
pub(crate) fn clauses(goal: &str) -> Vec<Vec<String>> {
    let whole = vec![goal.trim().to_owned()];
    let mut parts = Vec::new();
    let mut part: Vec<&str> = Vec::new();
    for word in goal.split_whitespace() {
        let bare = word.trim_end_matches([',', ';']);
        let joins = matches!(bare.to_lowercase().as_str(), "and" | "then" | "");
        if !joins {
            part.push(bare);
        }
        if (joins || bare.len() < word.len()) && !part.is_empty() {
            parts.push(part.join(" "));
            part.clear();
        }
    }
    if !part.is_empty() {
        parts.push(part.join(" "));
    }
    if parts.len() > 1 {
        vec![whole, parts]
    } else {
        vec![whole]
    }
}

/// Whether the goal is about health: it says so, or names something that is not well, and asks for
/// nothing in particular.
pub(crate) fn is_about_health(goal: &str, unwell: &BTreeSet<String>) -> bool {
    let lower: Vec<String> = words(goal).iter().map(|word| word.to_lowercase()).collect();
    let any = |stems: &[&str]| {
        lower
            .iter()
            .any(|word| stems.iter().any(|stem| word.starts_with(stem)))
    };
    !any(REQUESTS) && (any(HEALTH) || lower.iter().any(|word| unwell.contains(word)))
}

/// Those of `names` that stand in the goal as words.
pub(crate) fn named<'a>(goal: &str, names: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    let words: BTreeSet<String> = goal
        .split(|c: char| !(c.is_ascii_alphanumeric() || "._:/@-".contains(c)))
        .map(|word| {
            word.trim_matches(|c: char| "._:/@-".contains(c))
                .to_lowercase()
        })
        .collect();
    names
        .filter(|name| words.contains(&name.to_lowercase()))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn captured(pattern: &str, clause: &str) -> Option<Value> {
        pattern
            .parse::<Pattern>()
            .unwrap()
            .matches(clause)
            .map(Value::Object)
    }

    #[test]
    fn pattern_matches_the_whole_clause_or_nothing() {
        let scale = "scale [up|down] [the] [service] {service_id} [service] to {replicas:integer} [replicas]";
        let twelve = Some(json!({"service_id": "payments", "replicas": 12}));
        for clause in [
            "scale payments to 12",
            "Scale the service payments to 12 replicas.",
            "please scale up `payments` to 12",
            "SCALE payments service to 12!",
        ] {
            assert_eq!(captured(scale, clause), twelve, "{clause}");
        }
        for clause in [
            "scale payments",
            "do not scale payments to 12",
            "scale payments to twelve",
            "scale payments to 012",
            "scale payments to 12 and more",
            "scale the service to 12",
            "scale payments; rm to 12",
            "",
        ] {
            assert_eq!(captured(scale, clause), None, "{clause}");
        }
    }

    #[test]
    fn patterns_without_a_required_word_or_with_other_signs_are_refused() {
        for text in [
            "",
            "{name}",
            "[go] {name}",
            "go {Name}",
            "go {name:float}",
            "go {name",
            "a||b",
            "go!",
        ] {
            assert!(text.parse::<Pattern>().is_err(), "{text}");
        }
        let names: Vec<String> = "go {a} {b:integer}"
            .parse::<Pattern>()
            .unwrap()
            .captures()
            .map(str::to_owned)
            .collect();
        assert_eq!(names, ["a", "b"]);
    }

    #[test]
    fn goals_are_cut_into_clauses() {
        assert_eq!(clauses("restart auth").len(), 1);
        let cut = clauses("restart auth, scale payments to 4 and then wipe prod_db");
        assert_eq!(
            cut[1],
            ["restart auth", "scale payments to 4", "wipe prod_db"]
        );
    }

    #[test]
    fn health_is_told_from_requests() {
        let unwell: BTreeSet<String> = ["payments".to_owned()].into();
        for goal in [
            "Restore payments",
            "heal the open alerts",
            "Payments is down, please fix it",
            "get payments back",
            "handle the incident",
        ] {
            assert!(is_about_health(goal, &unwell), "{goal}");
        }
        for goal in [
            "say hello",
            "delete the payments logs",
            "fix payments by wiping prod_db",
            "create an admin to fix it",
            "look after auth",
        ] {
            assert!(!is_about_health(goal, &unwell), "{goal}");
        }
    }

    #[test]
    fn named_resources_stand_as_words() {
        let names = ["payments", "auth", "db"];
        let found = named("Restore payments, not authority; db.", names.into_iter());
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["db", "payments"]);
    }
}
