//! Times as they are kept: whole milliseconds since 1970.

use jiff::Timestamp;

/// `time` in the precision that is kept.
pub(crate) fn whole_millis(time: Timestamp) -> Timestamp {
    from_millis(to_millis(time))
}

/// `time` as a column.
pub(crate) fn to_millis(time: Timestamp) -> i64 {
    time.as_millisecond()
}

/// A column as a time; what no clock can show becomes the nearest end of time.
pub(crate) fn from_millis(millis: i64) -> Timestamp {
    let end = if millis < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    };
    Timestamp::from_millisecond(millis).unwrap_or(end)
}

/// `seconds` since 1970, as a token states its times.
pub(crate) fn from_seconds(seconds: i64) -> Timestamp {
    from_millis(seconds.saturating_mul(1_000))
}
