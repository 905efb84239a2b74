//! Times as the store keeps them: milliseconds since 1970.

use jiff::Timestamp;

/// `at` in milliseconds since 1970.
pub(crate) fn to_millis(at: Timestamp) -> i64 {
    at.as_millisecond()
}

/// The time of `millis`; what lies outside jiff's range becomes 1970, long expired.
pub(crate) fn from_millis(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or_default()
}

/// `at` without what the store would not keep, so that an answer equals what is read back later.
pub(crate) fn whole_millis(at: Timestamp) -> Timestamp {
    from_millis(to_millis(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_time_is_read_back_as_it_was_answered() {
        let at = whole_millis("2026-01-02T03:04:05.678901Z".parse().unwrap());
        assert_eq!(at.to_string(), "2026-01-02T03:04:05.678Z");
        assert_eq!(from_millis(to_millis(at)), at);
    }
}
