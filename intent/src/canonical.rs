//! Canonical JSON bytes (RFC 8785), the only form that is hashed or signed.
//!
//! Our own writer on a value that was read already: no serializer, no intermediate text, one pass.
//! Two other implementations are compared with it on every kind of accepted value (`tests/it/canonical.rs`).

use std::cmp::Ordering;

use serde_json::{Map, Number, Value};

use crate::digest::hex_digit;
use crate::json::MAX_INTEGER;

/// Where canonical bytes go: a buffer of the caller's, or a hash.
pub(crate) trait Sink {
    /// Takes the next bytes.
    fn push(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    fn push(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Encodes `value` as RFC 8785 canonical bytes.
///
/// For values that came through [`crate::json::read`] the form is injective: no two different values
/// share bytes.
pub fn to_vec(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    write(value, &mut bytes);
    bytes
}

/// Encodes `value` as canonical text.
pub fn to_string(value: &Value) -> String {
    String::from_utf8(to_vec(value)).unwrap_or_default()
}

/// Appends the canonical bytes of `value` to `buffer`.
pub fn append(value: &Value, buffer: &mut Vec<u8>) {
    write(value, buffer);
}

pub(crate) fn write<S: Sink>(value: &Value, sink: &mut S) {
    match value {
        Value::Null => sink.push(b"null"),
        Value::Bool(true) => sink.push(b"true"),
        Value::Bool(false) => sink.push(b"false"),
        Value::Number(value) => number(value, sink),
        Value::String(text) => string(text, sink),
        Value::Array(items) => list(b"[", items, b"]", sink, write),
        Value::Object(members) => object(members, sink),
    }
}

/// Writes `items` with commas between them.
pub(crate) fn list<S: Sink, T>(
    open: &[u8],
    items: impl IntoIterator<Item = T>,
    close: &[u8],
    sink: &mut S,
    each: impl Fn(T, &mut S),
) {
    sink.push(open);
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            sink.push(b",");
        }
        each(item, sink);
    }
    sink.push(close);
}

pub(crate) fn object<S: Sink>(members: &Map<String, Value>, sink: &mut S) {
    let member = |(name, value): (&String, &Value), sink: &mut S| {
        string(name, sink);
        sink.push(b":");
        write(value, sink);
    };
    let ordered = |one: &&String, next: &&String| by_utf16(one, next).is_lt();
    if members.keys().is_sorted_by(ordered) {
        return list(b"{", members, b"}", sink, member);
    }
    let mut sorted: Vec<(&String, &Value)> = members.iter().collect();
    sorted.sort_unstable_by(|(one, _), (next, _)| by_utf16(one, next));
    list(b"{", sorted, b"}", sink, member);
}

/// The order of RFC 8785 §3.2.3: by UTF-16 code units.
///
/// It is the order of the UTF-8 bytes but for one case: characters beyond U+FFFF (first byte F0 and
/// above) are pairs of surrogates and come before U+E000 to U+FFFF (first byte EE or EF).
fn by_utf16(one: &str, next: &str) -> Ordering {
    let weight = |byte: u8| match byte {
        0xEE | 0xEF => byte | 0x10,
        _ => byte,
    };
    let differing = one
        .bytes()
        .zip(next.bytes())
        .find(|(one, next)| one != next);
    match differing {
        Some((one, next)) => weight(one).cmp(&weight(next)),
        None => one.len().cmp(&next.len()),
    }
}

/// Numbers as ECMAScript prints them. Integers that a double holds exactly are their digits.
fn number<S: Sink>(number: &Number, sink: &mut S) {
    match number.as_i64() {
        Some(integer) if integer.unsigned_abs() <= MAX_INTEGER.unsigned_abs() => {
            sink.push(itoa::Buffer::new().format(integer).as_bytes());
        }
        _ => {
            let double = number.as_f64().unwrap_or_default();
            sink.push(ryu_js::Buffer::new().format(double).as_bytes());
        }
    }
}

/// Escapes as little as RFC 8785 §3.2.2.2 allows.
pub(crate) fn string<S: Sink>(text: &str, sink: &mut S) {
    sink.push(b"\"");
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|byte| needs_escape(*byte)) {
        let Some((plain, [byte, after @ ..])) = rest.split_at_checked(at) else {
            break;
        };
        sink.push(plain);
        escape(*byte, sink);
        rest = after;
    }
    sink.push(rest);
    sink.push(b"\"");
}

const fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

fn escape<S: Sink>(byte: u8, sink: &mut S) {
    match byte {
        b'"' => sink.push(b"\\\""),
        b'\\' => sink.push(b"\\\\"),
        0x08 => sink.push(b"\\b"),
        b'\t' => sink.push(b"\\t"),
        b'\n' => sink.push(b"\\n"),
        0x0C => sink.push(b"\\f"),
        b'\r' => sink.push(b"\\r"),
        _ => {
            sink.push(&[
                b'\\',
                b'u',
                b'0',
                b'0',
                hex_digit(byte >> 4),
                hex_digit(byte & 15),
            ]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    #[test]
    fn order_of_members_does_not_matter() {
        let one = json::read(br#"{"b": {"d": 1, "c": 2}, "a": 3}"#).unwrap();
        let other = json::read(br#"{"a": 3, "b": {"c": 2, "d": 1}}"#).unwrap();
        assert_eq!(to_string(&one), r#"{"a":3,"b":{"c":2,"d":1}}"#);
        assert_eq!(to_vec(&one), to_vec(&other));
    }

    #[test]
    fn names_are_in_the_order_of_their_utf_16_units() {
        let mut names = [
            "\u{e000}",
            "\u{ffff}",
            "\u{10000}",
            "\u{10ffff}",
            "\u{d7ff}",
            "z",
            "a",
            "",
            "aa",
            "é",
            "\u{e000}a",
            "\u{10000}a",
        ];
        let mut expected = names;
        expected.sort_by_key(|name| name.encode_utf16().collect::<Vec<_>>());
        names.sort_by(|one, next| by_utf16(one, next));
        assert_eq!(names, expected);
    }

    #[test]
    fn control_characters_are_escaped_and_nothing_else() {
        let text: String = (1..=0x22u8)
            .map(char::from)
            .chain("\\/\u{7f}é\u{2028}".chars())
            .collect();
        let expected = concat!(
            r#""\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\t\n\u000b\f\r\u000e\u000f\u0010\u0011"#,
            r#"\u0012\u0013\u0014\u0015\u0016\u0017\u0018\u0019\u001a\u001b\u001c\u001d\u001e\u001f"#,
            " !\\\"\\\\/\u{7f}é\u{2028}\""
        );
        assert_eq!(to_string(&Value::from(text)), expected);
    }
}
