//! Headers that stand once or not at all.

use http::HeaderMap;

/// The text of the header `name`, where it stands.
///
/// # Errors
/// What is wrong with it, for a person: it is repeated, and it would not be certain which one was meant,
/// or it is not text.
pub(crate) fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, String> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => match value.to_str() {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(format!("`{name}` is not readable")),
        },
        (Some(_), Some(_)) => Err(format!("`{name}` was sent more than once")),
    }
}
