//! The one strict JSON reader of the product (SECURITY-DESIGN §3).
//!
//! Every door uses it, so that what is hashed is what was meant: two accepted inputs that differ as
//! JSON values never share canonical bytes.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};

/// The largest accepted document, in bytes.
pub const MAX_BYTES: usize = 256 * 1024;
/// The deepest accepted nesting of arrays and objects.
pub const MAX_DEPTH: usize = 32;
/// The largest accepted number of values in one document.
pub const MAX_NODES: usize = 10_000;
/// The largest integer that every JSON implementation keeps exactly: 2^53 − 1 (RFC 7493 §2.2).
pub const MAX_INTEGER: i64 = 9_007_199_254_740_991;

/// Member names starting with `$` that tool definitions may declare.
const DECLARED_DOLLAR: [&str; 2] = ["$secret", "$blob"];

/// Why a document was not read. The text names the place where the reader knows it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// More than [`MAX_BYTES`].
    #[error("the document has {0} bytes, at most {MAX_BYTES} are read")]
    TooLarge(usize),
    /// Not JSON, or JSON that this reader refuses.
    #[error("{0}")]
    Refused(String),
    /// Read, but not of the expected shape.
    #[error("{0}")]
    Shape(String),
}

/// Reads one document.
///
/// Refuses invalid UTF-8, a byte order mark, trailing bytes, U+0000, a repeated member name, integers
/// outside ±(2^53−1), other numbers of that magnitude, minus zero, member names that start with `__`
/// or `$` (but for `$secret` and `$blob`), and documents over [`MAX_DEPTH`], [`MAX_NODES`] or
/// [`MAX_BYTES`]. A number written as `4.0` is read as the integer 4: it is the same JSON value.
///
/// # Errors
/// [`ReadError::TooLarge`] or [`ReadError::Refused`].
pub fn read(bytes: &[u8]) -> Result<Value, ReadError> {
    if bytes.len() > MAX_BYTES {
        return Err(ReadError::TooLarge(bytes.len()));
    }
    let nodes = Cell::new(0);
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let seed = Strict {
        depth: 0,
        nodes: &nodes,
    };
    let value = seed
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|error| ReadError::Refused(error.to_string()))?;
    Ok(value)
}

/// Reads one document into `T`, through [`read`].
///
/// # Errors
/// As [`read`], and [`ReadError::Shape`] when the value is not a `T`.
pub fn read_as<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ReadError> {
    T::deserialize(read(bytes)?).map_err(|error| ReadError::Shape(error.to_string()))
}

/// Checks a value that did not come as JSON text, such as one from a TOML file, by the rules of [`read`].
///
/// # Errors
/// As [`read`].
pub fn check(value: &Value) -> Result<(), ReadError> {
    let bytes = serde_json::to_vec(value).map_err(|error| ReadError::Refused(error.to_string()))?;
    read(&bytes).map(drop)
}

struct Strict<'a> {
    depth: usize,
    nodes: &'a Cell<usize>,
}

impl Strict<'_> {
    fn count<E: serde::de::Error>(&self) -> Result<(), E> {
        let nodes = self.nodes.get().saturating_add(1);
        self.nodes.set(nodes);
        if nodes > MAX_NODES {
            return Err(E::custom(format_args!("more than {MAX_NODES} values")));
        }
        Ok(())
    }

    fn inner<E: serde::de::Error>(&self) -> Result<Self, E> {
        let depth = self.depth.saturating_add(1);
        if depth > MAX_DEPTH {
            return Err(E::custom(format_args!(
                "nested deeper than {MAX_DEPTH} levels"
            )));
        }
        Ok(Self {
            depth,
            nodes: self.nodes,
        })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.count()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Value, E> {
        integer(value)
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        match i64::try_from(value) {
            Ok(value) => integer(value),
            Err(_) => Err(too_large()),
        }
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        number(value)
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        text(value)?;
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = items.next_element_seed(self.inner()?)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = || self.inner();
        let mut map = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            member_name(&name)?;
            match map.entry(name) {
                Entry::Vacant(place) => {
                    place.insert(members.next_value_seed(inner()?)?);
                }
                Entry::Occupied(place) => {
                    let name = place.key();
                    return Err(A::Error::custom(format_args!(
                        "member `{name}` stands twice"
                    )));
                }
            }
        }
        Ok(Value::Object(map))
    }
}

fn member_name<E: serde::de::Error>(name: &str) -> Result<(), E> {
    text(name)?;
    let reserved =
        name.starts_with("__") || (name.starts_with('$') && !DECLARED_DOLLAR.contains(&name));
    if reserved {
        return Err(E::custom(format_args!("member name `{name}` is reserved")));
    }
    Ok(())
}

fn text<E: serde::de::Error>(value: &str) -> Result<(), E> {
    if value.contains('\0') {
        return Err(E::custom("a string holds U+0000"));
    }
    Ok(())
}

fn integer<E: serde::de::Error>(value: i64) -> Result<Value, E> {
    if value.unsigned_abs() > MAX_INTEGER.unsigned_abs() {
        return Err(too_large());
    }
    Ok(Value::Number(value.into()))
}

/// Floats: minus zero and magnitudes that are no longer exact refuse; integral values become integers.
fn number<E: serde::de::Error>(value: f64) -> Result<Value, E> {
    const LIMIT: f64 = 9_007_199_254_740_992.0;
    if value.abs() >= LIMIT {
        return Err(too_large());
    }
    if value == 0.0 && value.is_sign_negative() {
        return Err(E::custom("minus zero"));
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "below 2^53; compared with its origin below"
    )]
    let truncated = value as i64;
    #[expect(
        clippy::cast_precision_loss,
        clippy::float_cmp,
        reason = "exact below 2^53"
    )]
    if truncated as f64 == value {
        return integer(truncated);
    }
    Number::from_f64(value)
        .map(Value::Number)
        .ok_or_else(|| E::custom("not a finite number"))
}

fn too_large<E: serde::de::Error>() -> E {
    E::custom("a number outside ±(2^53−1)")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        read(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn duplicate_members_are_refused_after_unescaping() {
        assert!(refused(r#"{"a":1,"a":1}"#).contains("stands twice"));
        assert!(refused("{\"a\":1,\"\\u0061\":2}").contains("stands twice"));
    }

    #[test]
    fn numbers_that_lose_precision_are_refused() {
        for text in [
            "9007199254740992",
            "-9007199254740992",
            "1e16",
            "-0.0",
            "-0",
            "1e400",
        ] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
        assert_eq!(read(b"9007199254740991").unwrap(), Value::from(MAX_INTEGER));
        assert_eq!(read(b"4.0").unwrap(), Value::from(4));
        assert_eq!(read(b"0.5").unwrap(), Value::from(0.5));
    }

    #[test]
    fn reserved_names_nul_bom_and_trailing_bytes_are_refused() {
        for text in [
            r#"{"__entity":1}"#,
            r#"{"$ref":1}"#,
            "\"\\u0000\"",
            "\u{feff}1",
            "1 2",
            "{\"a\\u0000\":1}",
            "\"\\ud800\"",
        ] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
        assert!(read(br#"{"$secret":"x"}"#).is_ok());
    }

    #[test]
    fn depth_nodes_and_bytes_are_bounded() {
        let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(read(deep(32).as_bytes()).is_ok());
        assert!(read(deep(33).as_bytes()).is_err());
        assert!(read(deep(100_000).as_bytes()).is_err());
        let wide = format!("[{}1]", "1,".repeat(MAX_NODES));
        assert!(read(wide.as_bytes()).is_err());
        assert!(matches!(
            read(&vec![b' '; MAX_BYTES + 1]),
            Err(ReadError::TooLarge(_))
        ));
    }
}
