//! Takes an upstream's credential out of what the upstream answers.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use countersign_service::credential::SecretKey;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

/// Replaces a credential, in the spellings in which servers echo one.
pub(super) struct Scrubber {
    spellings: Vec<Zeroizing<String>>,
    mark: String,
}

impl Scrubber {
    /// For the credential of the upstream `name`.
    pub(super) fn new(name: &str, credential: Option<&SecretKey>) -> Self {
        let mut spellings = Vec::new();
        if let Some(credential) = credential.filter(|credential| !credential.expose().is_empty()) {
            let plain = credential.expose();
            let percent: String = url::form_urlencoded::byte_serialize(plain.as_bytes()).collect();
            let encoded = [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE_NO_PAD].map(|e| e.encode(plain));
            spellings.push(plain.to_owned());
            spellings.push(percent);
            spellings.extend(encoded);
            // A longer spelling goes before one that it starts with.
            spellings.sort_by_key(|spelling| std::cmp::Reverse(spelling.len()));
            spellings.dedup();
        }
        let spellings = spellings.into_iter().map(Zeroizing::new).collect();
        Self {
            spellings,
            mark: format!("[redacted:{name}]"),
        }
    }

    /// The length of the longest spelling.
    pub(super) fn longest(&self) -> usize {
        self.spellings
            .iter()
            .map(|spelling| spelling.len())
            .max()
            .unwrap_or(0)
    }

    /// `bytes` without the credential.
    pub(super) fn bytes(&self, bytes: &[u8]) -> Vec<u8> {
        let mut clean = Vec::with_capacity(bytes.len());
        let mut rest = bytes;
        while let Some((first, tail)) = rest.split_first() {
            let hit = self
                .spellings
                .iter()
                .find_map(|one| rest.strip_prefix(one.as_bytes()));
            if let Some(after) = hit {
                clean.extend_from_slice(self.mark.as_bytes());
                rest = after;
            } else {
                clean.push(*first);
                rest = tail;
            }
        }
        clean
    }

    /// `value` without the credential in any string or member name.
    pub(super) fn value(&self, value: Value) -> Value {
        if self.spellings.is_empty() {
            return value;
        }
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => items.into_iter().map(|item| self.value(item)).collect(),
            Value::Object(members) => {
                let clean = |(name, value)| (self.text(name), self.value(value));
                Value::Object(members.into_iter().map(clean).collect::<Map<_, _>>())
            }
            value @ (Value::Null | Value::Bool(_) | Value::Number(_)) => value,
        }
    }

    fn text(&self, mut text: String) -> String {
        for spelling in &self.spellings {
            if text.contains(spelling.as_str()) {
                text = text.replace(spelling.as_str(), &self.mark);
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn credential_is_found_in_every_spelling() {
        let key = SecretKey::from_text("cs_up_a+b/c=d");
        let scrubber = Scrubber::new("cloud", Some(&key));
        let encoded = STANDARD.encode(key.expose());
        let echo = format!("x {} y cs_up_a%2Bb%2Fc%3Dd z {encoded} end", key.expose());
        let clean = String::from_utf8(scrubber.bytes(echo.as_bytes())).unwrap();
        assert_eq!(
            clean,
            "x [redacted:cloud] y [redacted:cloud] z [redacted:cloud] end"
        );
    }

    #[test]
    fn escaped_credential_is_found_in_values() {
        let key = SecretKey::from_text("cs_up_abc");
        let scrubber = Scrubber::new("cloud", Some(&key));
        let answer: Value =
            serde_json::from_str(r#"{"a":["\u0063s_up_abc!"],"cs_up_abc":1}"#).unwrap();
        let clean = json!({"a": ["[redacted:cloud]!"], "[redacted:cloud]": 1});
        assert_eq!(scrubber.value(answer), clean);
    }

    #[test]
    fn without_a_credential_nothing_changes() {
        let scrubber = Scrubber::new("cloud", None);
        assert_eq!(scrubber.bytes(b"abc"), b"abc");
        assert_eq!(scrubber.longest(), 0);
    }
}
