//! Takes an upstream's credential out of what the upstream answers.

use std::borrow::Cow;
use std::fmt::Write as _;

use aho_corasick::{AhoCorasick, MatchKind};
use base64::alphabet;
use base64::engine::general_purpose::{NO_PAD, STANDARD, URL_SAFE};
use base64::engine::{Engine as _, GeneralPurpose};
use countersign_service::credential::SecretKey;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Map, Value};

/// Parts of a spelling that are shorter stand in innocent text too often.
const SHORTEST_PART: usize = 8;

/// Replaces a credential, in the spellings in which servers echo one. Built once for each upstream.
pub(super) struct Scrubber {
    /// `None` where there is no credential.
    search: Option<AhoCorasick>,
    /// The most bytes that an escaped credential takes.
    longest: usize,
    mark: String,
}

impl Scrubber {
    /// For the credential of the upstream `name`.
    ///
    /// # Errors
    /// When the search cannot be built, which takes a credential of megabytes.
    pub(super) fn new(
        name: &str,
        credential: Option<&SecretKey>,
    ) -> Result<Self, aho_corasick::BuildError> {
        let plain = credential.map(SecretKey::expose).unwrap_or_default();
        let spellings = spellings(plain);
        // `\\u0063`: six characters for one byte.
        let longest = plain.len().saturating_mul(6);
        let search = if spellings.is_empty() {
            None
        } else {
            let mut builder = AhoCorasick::builder();
            let builder = builder.match_kind(MatchKind::LeftmostLongest);
            Some(builder.build(&spellings)?)
        };
        Ok(Self {
            search,
            longest,
            mark: format!("[redacted:{name}]"),
        })
    }

    /// Whether `bytes` may hold the credential, openly or behind escapes. Most answers do not, and
    /// need no second look.
    pub(super) fn suspects(&self, bytes: &[u8]) -> bool {
        let Some(search) = &self.search else {
            return false;
        };
        bytes.iter().any(|byte| matches!(byte, b'\\' | b'%')) || search.is_match(bytes)
    }

    /// `value` without the credential in any string, number or member name.
    pub(super) fn value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => items.into_iter().map(|item| self.value(item)).collect(),
            Value::Object(members) => {
                let clean = |(name, value)| (self.text(name), self.value(value));
                Value::Object(members.into_iter().map(clean).collect::<Map<_, _>>())
            }
            Value::Number(number) => {
                let text = number.to_string();
                if self.finds(&text) {
                    Value::String(self.text(text))
                } else {
                    Value::Number(number)
                }
            }
            value @ (Value::Null | Value::Bool(_)) => value,
        }
    }

    /// `text` without the credential; nothing of it is left where only undoing escapes shows one.
    pub(super) fn text(&self, text: String) -> String {
        let Some(search) = &self.search else {
            return text;
        };
        let text = match search.find(&text) {
            None => text,
            Some(_) => self.replaced(search, &text),
        };
        if self.finds(&percent_decode_str(&text).decode_utf8_lossy())
            || self.finds(&without_escapes(&text))
        {
            return self.mark.clone();
        }
        text
    }

    /// The beginning of a text that was cut: as [`Scrubber::text`], and without its last characters,
    /// which may be the first ones of a credential that the cut went through.
    pub(super) fn beginning(&self, text: String) -> String {
        let mut clean = self.text(text);
        if clean != self.mark {
            let end = clean.len().saturating_sub(self.longest);
            clean.truncate(clean.floor_char_boundary(end));
        }
        clean
    }

    fn finds(&self, text: &str) -> bool {
        self.search
            .as_ref()
            .is_some_and(|search| search.is_match(text))
    }

    fn replaced(&self, search: &AhoCorasick, text: &str) -> String {
        let mut clean = String::with_capacity(text.len());
        search.replace_all_with(text, &mut clean, |_, _, clean| {
            clean.push_str(&self.mark);
            true
        });
        clean
    }
}

/// The spellings of `plain` that are looked for.
fn spellings(plain: &str) -> Vec<String> {
    if plain.is_empty() {
        return Vec::new();
    }
    let mut spellings = vec![plain.to_owned()];
    spellings.push(utf8_percent_encode(plain, NON_ALPHANUMERIC).to_string());
    spellings.push(url::form_urlencoded::byte_serialize(plain.as_bytes()).collect());
    for engine in [&STANDARD, &URL_SAFE] {
        spellings.push(engine.encode(plain));
    }
    for alphabet in [&alphabet::STANDARD, &alphabet::URL_SAFE] {
        let engine = GeneralPurpose::new(alphabet, NO_PAD);
        spellings.push(engine.encode(plain));
        spellings.extend((1..3).filter_map(|offset| inner_base64(&engine, plain, offset)));
    }
    let (mut lower, mut upper) = (String::new(), String::new());
    for byte in plain.bytes() {
        // Writing to a string does not fail.
        let _ = write!(lower, "{byte:02x}");
        let _ = write!(upper, "{byte:02X}");
    }
    spellings.extend([lower, upper]);
    // What `plain` looks like inside JSON text.
    spellings.extend(
        serde_json::to_string(plain)
            .ok()
            .and_then(|quoted| Some(quoted.get(1..quoted.len().checked_sub(1)?)?.to_owned())),
    );
    spellings.sort();
    spellings.dedup();
    spellings
}

/// The characters that depend on `plain` alone when it stands `offset` bytes (modulo 3) into what is
/// encoded, as in `base64("user:" + plain)`.
fn inner_base64(engine: &GeneralPurpose, plain: &str, offset: usize) -> Option<String> {
    let mut bytes = vec![0; offset];
    bytes.extend_from_slice(plain.as_bytes());
    // Whole groups only: what follows changes the last characters.
    bytes.truncate(bytes.len().checked_div(3)?.checked_mul(3)?);
    let encoded = engine.encode(&bytes);
    // `offset` bytes reach into their first `offset + 1` characters.
    let part = encoded.get(offset.checked_add(1)?..)?;
    (part.len() >= SHORTEST_PART).then(|| part.to_owned())
}

/// `text` with the escapes of JSON strings undone, as far as they are well-formed.
fn without_escapes(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        if character != '\\' {
            clean.push(character);
            continue;
        }
        match rest.next() {
            Some('u') => {
                let digits: String = rest.clone().take(4).collect();
                let unit = u32::from_str_radix(&digits, 16).ok();
                if let Some(found) = unit.and_then(char::from_u32) {
                    clean.push(found);
                    rest = skip_four(rest);
                }
            }
            Some(other) => clean.push(other),
            None => {}
        }
    }
    Cow::Owned(clean)
}

fn skip_four(mut rest: std::str::Chars<'_>) -> std::str::Chars<'_> {
    for _ in 0..4 {
        rest.next();
    }
    rest
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn scrubber(key: &str) -> Scrubber {
        Scrubber::new("cloud", Some(&SecretKey::from_text(key))).unwrap()
    }

    fn spelled(key: &str, spell: impl Fn(&mut String, u8)) -> String {
        let mut text = String::new();
        key.bytes().for_each(|byte| spell(&mut text, byte));
        text
    }

    #[test]
    fn credential_is_found_in_every_spelling() {
        let key = "cs_up_a+b/c=d\"e-0123456789";
        let scrubber = scrubber(key);
        let hex = spelled(key, |text, byte| write!(text, "{byte:02x}").unwrap());
        let echoes = [
            key.to_owned(),
            STANDARD.encode(key),
            URL_SAFE.encode(key),
            STANDARD.encode(format!("Bearer {key}")),
            STANDARD.encode(format!("user:{key}!")),
            STANDARD.encode(format!("a{key}")),
            hex.to_uppercase(),
            hex,
            "cs_up_a%2bb%2fc%3dd%22e-0123456789".to_owned(),
            "cs_up_a%2Bb%2Fc%3Dd%22e%2D0123456789".to_owned(),
            serde_json::to_string(key).unwrap(),
            spelled(key, |text, byte| write!(text, "\\u{byte:04x}").unwrap()),
        ];
        for echo in echoes {
            let text = format!("x {echo} y");
            assert!(scrubber.suspects(text.as_bytes()), "{text}");
            let clean = scrubber.text(text.clone());
            assert!(clean.contains("[redacted:cloud]"), "{text}: {clean}");
            assert!(!clean.contains("0123456"), "{clean}");
        }
    }

    #[test]
    fn the_rest_of_a_text_stays() {
        let clean = scrubber("cs_up_secret").text("a cs_up_secret b cs_up_secret".to_owned());
        assert_eq!(clean, "a [redacted:cloud] b [redacted:cloud]");
        let innocent = "100 % \\ sure, cs_up_secre";
        assert_eq!(scrubber("cs_up_secret").text(innocent.to_owned()), innocent);
    }

    #[test]
    fn credential_is_found_in_values_names_and_numbers() {
        let answer: Value =
            serde_json::from_str(r#"{"a":["\u0031234567!"],"1234567":1,"n":91234567}"#).unwrap();
        let clean = json!({
            "a": ["[redacted:cloud]!"], "[redacted:cloud]": 1, "n": "9[redacted:cloud]",
        });
        assert_eq!(scrubber("1234567").value(answer), clean);
    }

    #[test]
    fn without_a_credential_nothing_changes() {
        let scrubber = Scrubber::new("cloud", None).unwrap();
        assert!(!scrubber.suspects(b"a\\b%20"));
        assert_eq!(scrubber.text("a\\b".to_owned()), "a\\b");
        assert_eq!(scrubber.beginning("abc".to_owned()), "abc");
    }

    #[test]
    fn credential_that_a_cut_went_through_is_cut_off() {
        let scrubber = scrubber("cs_up_secret");
        let cut = format!("{}cs_up_secre", "x".repeat(100));
        let clean = scrubber.beginning(cut);
        assert!(
            clean.starts_with("xxx") && !clean.contains("cs_up"),
            "{clean}"
        );
        let whole = scrubber.beginning(format!("cs_up_secret{}", "ä".repeat(100)));
        assert!(whole.starts_with("[redacted:cloud]ää"), "{whole}");
    }
}
