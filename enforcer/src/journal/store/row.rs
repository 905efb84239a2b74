//! Columns into domain types, with the column named when it cannot be read.

use std::str::FromStr;

use jiff::Timestamp;
use sqlx::any::AnyRow;
use sqlx::{Row as _, ValueRef as _};

use super::StoreError;
use crate::stamp;

/// A text column.
pub(super) fn text(row: &AnyRow, column: &'static str) -> Result<String, StoreError> {
    Ok(row.try_get(column)?)
}

/// A text column that may be null.
pub(super) fn optional_text(
    row: &AnyRow,
    column: &'static str,
) -> Result<Option<String>, StoreError> {
    if row.try_get_raw(column)?.is_null() {
        return Ok(None);
    }
    text(row, column).map(Some)
}

/// A bigint column that may be null.
pub(super) fn optional_integer(
    row: &AnyRow,
    column: &'static str,
) -> Result<Option<i64>, StoreError> {
    if row.try_get_raw(column)?.is_null() {
        return Ok(None);
    }
    Ok(Some(row.try_get(column)?))
}

/// A column of milliseconds.
pub(super) fn time(row: &AnyRow, column: &'static str) -> Result<Timestamp, StoreError> {
    Ok(stamp::from_millis(row.try_get(column)?))
}

/// A text column in the one spelling of `T`.
pub(super) fn parsed<T: FromStr<Err: std::fmt::Display>>(
    row: &AnyRow,
    column: &'static str,
) -> Result<T, StoreError> {
    text(row, column)?
        .parse()
        .map_err(|error| StoreError::corrupt(column, error))
}
