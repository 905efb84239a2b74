//! The query of a request: names and values, each name once.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

use super::shown;
use crate::refusal::{Refusal, RefusalCode};

/// Reads `query` (RFC 3986 §3.4) as `name=value` pairs joined by `&`.
///
/// Refuses what readers disagree about: a name that stands twice, a pair without `=`, an empty name, a
/// `+` (a space to some), `;`, broken percent-encodings, bytes that are not UTF-8, and U+0000.
pub(super) fn read(query: &str) -> Result<BTreeMap<String, String>, Refusal> {
    let mut pairs = BTreeMap::new();
    if query.is_empty() {
        return Ok(pairs);
    }
    for pair in query.split('&') {
        let (name, value) = pair
            .split_once('=')
            .ok_or_else(|| refuse(pair, "is not of the form name=value"))?;
        let (name, value) = (decode(name)?, decode(value)?);
        if name.is_empty() {
            return Err(refuse(pair, "has no name"));
        }
        if pairs.insert(name.clone(), value).is_some() {
            return Err(refuse(&name, "stands twice"));
        }
    }
    Ok(pairs)
}

fn decode(text: &str) -> Result<String, Refusal> {
    let whole = text.split('%').skip(1).all(|rest| {
        let mut digits = rest.bytes().take(2);
        let hex = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_hexdigit());
        hex(digits.next()) && hex(digits.next())
    });
    if !whole {
        return Err(refuse(text, "has a broken percent-encoding"));
    }
    if text.contains(['+', ';', '=']) {
        return Err(refuse(
            text,
            "has a `+`, `;` or `=`, which readers take in different ways: write %20, %2B, %3B, %3D",
        ));
    }
    let decoded = percent_decode_str(text)
        .decode_utf8()
        .map_err(|_cause| refuse(text, "is not UTF-8"))?;
    if decoded.contains('\0') {
        return Err(refuse(text, "holds U+0000"));
    }
    Ok(decoded.into_owned())
}

fn refuse(what: &str, why: &str) -> Refusal {
    let message = format!("the query is not matched: `{}` {why}", shown(what));
    Refusal::new(RefusalCode::RenderRefused, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_decoded_once() {
        let pairs = read("a=1&b=x%20y%2B%26&c=&%C3%A4=%2525").unwrap();
        let wanted = [("a", "1"), ("b", "x y+&"), ("c", ""), ("ä", "%25")];
        let wanted: BTreeMap<String, String> = wanted
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        assert_eq!(pairs, wanted);
        assert!(read("").unwrap().is_empty());
    }

    #[test]
    fn what_readers_disagree_about_is_refused() {
        for query in [
            "a=1&a=1",
            "a=1&%61=2",
            "a",
            "a&b=1",
            "=1",
            "&",
            "a=1&",
            "a=x+y",
            "a=1;b=2",
            "a=%",
            "a=%2",
            "a=%zz",
            "a=%ff",
            "a=%00",
            "a=b=c",
            "%41%0=1",
        ] {
            let refusal = read(query).unwrap_err();
            assert_eq!(refusal.code, RefusalCode::RenderRefused, "{query}");
        }
    }
}
