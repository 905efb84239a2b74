//! Columns into domain types, with the column named when it cannot be read.

use std::str::FromStr;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
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
    Ok(row.try_get(column)?)
}

/// A bigint column.
pub(super) fn integer(row: &AnyRow, column: &'static str) -> Result<i64, StoreError> {
    Ok(row.try_get(column)?)
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
    Ok(stamp::from_millis(integer(row, column)?))
}

/// A text column in the one spelling of `T`.
pub(super) fn parsed<T: FromStr>(row: &AnyRow, column: &'static str) -> Result<T, StoreError>
where
    T::Err: std::fmt::Display,
{
    text(row, column)?
        .parse()
        .map_err(|error| StoreError::corrupt(column, error))
}

/// A nullable text column in the one spelling of `T`.
pub(super) fn optional_parsed<T: FromStr>(
    row: &AnyRow,
    column: &'static str,
) -> Result<Option<T>, StoreError>
where
    T::Err: std::fmt::Display,
{
    let parse = |text: String| {
        text.parse()
            .map_err(|error| StoreError::corrupt(column, error))
    };
    optional_text(row, column)?.map(parse).transpose()
}

/// A text column with the wire name of a closed set, such as an effect.
pub(super) fn named<T: DeserializeOwned>(
    row: &AnyRow,
    column: &'static str,
) -> Result<T, StoreError> {
    serde_json::from_value(serde_json::Value::String(text(row, column)?))
        .map_err(|error| StoreError::corrupt(column, error))
}

/// A text column that holds JSON.
pub(super) fn json<T: DeserializeOwned>(
    row: &AnyRow,
    column: &'static str,
) -> Result<T, StoreError> {
    from_json(&text(row, column)?, column)
}

/// A nullable text column that holds JSON.
pub(super) fn optional_json<T: DeserializeOwned>(
    row: &AnyRow,
    column: &'static str,
) -> Result<Option<T>, StoreError> {
    optional_text(row, column)?
        .map(|text| from_json(&text, column))
        .transpose()
}

fn from_json<T: DeserializeOwned>(text: &str, column: &'static str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::corrupt(column, error))
}

/// `value` as the text of a JSON column.
pub(super) fn to_json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::corrupt("value", error))
}
