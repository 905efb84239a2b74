//! SQL statements that run together, of as many rows as there are.
//!
//! SQLite takes a text of several statements at once, which spares a small batch most of its way to the
//! database's thread and back; PostgreSQL takes them one after another. Rows are padded with nulls to
//! one of few sizes, so that few texts serve every number of rows and stay prepared.
//!
//! PostgreSQL has numbered arguments. SQLite's are anonymous: the driver asks for each one's name, which
//! SQLite finds by a walk along all names.

use std::borrow::Cow;

use futures_util::TryStreamExt as _;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::{AnyConnection, Arguments as _, AssertSqlSafe, Either, Executor as _};

/// Arguments up to which all statements share a text. Beyond, those of many rows have texts of their own:
/// of so many combinations hardly any would be prepared still when it comes again.
const SHARED: usize = 96;

/// A value in its column's type; `None` is null.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Argument {
    /// A text column.
    Text(Option<String>),
    /// A bigint column.
    Integer(Option<i64>),
}

impl From<&str> for Argument {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<String> for Argument {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<Option<String>> for Argument {
    fn from(text: Option<String>) -> Self {
        Self::Text(text)
    }
}

impl From<Option<&str>> for Argument {
    fn from(text: Option<&str>) -> Self {
        Self::Text(text.map(str::to_owned))
    }
}

impl From<i64> for Argument {
    fn from(integer: i64) -> Self {
        Self::Integer(Some(integer))
    }
}

impl From<Option<i64>> for Argument {
    fn from(integer: Option<i64>) -> Self {
        Self::Integer(integer)
    }
}

impl Argument {
    /// Null in a column of the same type.
    fn null(&self) -> Self {
        match self {
            Self::Text(_) => Self::Text(None),
            Self::Integer(_) => Self::Integer(None),
        }
    }
}

/// One statement with its arguments. `?` stands for each of them, in order.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Statement {
    sql: Cow<'static, str>,
    arguments: Vec<Argument>,
    /// Its text depends on a number of rows.
    sized: bool,
    expected: Option<u64>,
}

/// How a database is told where its arguments go.
#[derive(Clone, Copy, Debug)]
enum Style {
    /// `?`, in order.
    Anonymous,
    /// `$1`, `$2`, ….
    Numbered,
}

/// Statements did not run as they should. The transaction is to be rolled back.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The database refused or did not answer.
    #[error("the database refused a statement")]
    Database(#[from] sqlx::Error),
    /// A statement changed another number of rows than it must.
    #[error("{found} rows were changed instead of {expected} by `{sql}`")]
    Count {
        /// How the statement begins.
        sql: String,
        /// How many rows it must change.
        expected: u64,
        /// How many it changed.
        found: u64,
    },
    /// The database gave fewer answers than it was given statements.
    #[error("the database did not answer `{sql}`")]
    Unanswered {
        /// How the statement begins.
        sql: String,
    },
}

impl Statement {
    /// A statement that begins with `sql`.
    pub fn new(sql: &'static str) -> Self {
        Self {
            sql: Cow::Borrowed(sql),
            ..Self::default()
        }
    }

    /// Goes on with `sql`.
    pub fn then(mut self, sql: &str) -> Self {
        self.sql.to_mut().push_str(sql);
        self
    }

    /// Puts `sql` before it.
    pub fn before(mut self, sql: &str) -> Self {
        self.sql.to_mut().insert_str(0, sql);
        self
    }

    /// The argument for the next `?`.
    pub fn bind(mut self, argument: impl Into<Argument>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Goes on with `VALUES` and these rows, and rows of nulls up to the next of few sizes.
    pub fn values<const N: usize>(mut self, rows: impl IntoIterator<Item = [Argument; N]>) -> Self {
        self.sized = true;
        let rows = rows.into_iter();
        let likely = size(rows.size_hint().1.unwrap_or(0));
        let sql = self.sql.to_mut();
        sql.reserve(likely.saturating_mul(N.saturating_add(1)).saturating_mul(3));
        self.arguments.reserve(likely.saturating_mul(N));
        sql.push_str("VALUES ");
        let mut count = 0_usize;
        let before = self.arguments.len();
        for row in rows {
            push_row(sql, count, N);
            self.arguments.extend(row);
            count = count.saturating_add(1);
        }
        let last = self.arguments.get(before..before.saturating_add(N));
        let padding: Vec<Argument> = last
            .unwrap_or_default()
            .iter()
            .map(Argument::null)
            .collect();
        for index in count..size(count) {
            push_row(sql, index, N);
            self.arguments.extend(padding.iter().cloned());
        }
        self
    }

    /// Goes on with a list of these values, the last one repeated up to the next of few sizes.
    pub fn list(mut self, values: impl IntoIterator<Item = Argument>) -> Self {
        self.sized = true;
        let before = self.arguments.len();
        self.arguments.extend(values);
        let count = self.arguments.len().saturating_sub(before);
        if let Some(last) = self.arguments.last().cloned() {
            let padding = size(count).saturating_sub(count);
            self.arguments.extend(std::iter::repeat_n(last, padding));
        }
        push_row(
            self.sql.to_mut(),
            0,
            self.arguments.len().saturating_sub(before),
        );
        self
    }

    /// Demands that it changes `rows` rows.
    pub fn changing(mut self, rows: usize) -> Self {
        self.expected = u64::try_from(rows).ok();
        self
    }

    /// Appends the text with numbered arguments, the first of which is `first`.
    fn number(&self, first: usize, text: &mut String) {
        let mut pieces = self.sql.split('?');
        text.push_str(pieces.next().unwrap_or_default());
        for (index, piece) in pieces.enumerate() {
            text.push('$');
            text.push_str(&first.saturating_add(index).to_string());
            text.push_str(piece);
        }
    }

    fn unanswered(&self) -> RunError {
        let sql = self.sql.chars().take(80).collect();
        RunError::Unanswered { sql }
    }

    fn check(&self, found: u64) -> Result<(), RunError> {
        match self.expected {
            Some(expected) if expected != found => Err(RunError::Count {
                sql: self.sql.chars().take(40).collect(),
                expected,
                found,
            }),
            Some(_) | None => Ok(()),
        }
    }
}

/// How many rows stand for `count`: the next power of two, or three quarters of it.
fn size(count: usize) -> usize {
    let power = count.next_power_of_two();
    let less = power.saturating_sub(power >> 2);
    if count <= less { less } else { power }
}

/// Appends `(?, …)` of `columns` columns, after a comma unless it is the first row.
fn push_row(sql: &mut String, index: usize, columns: usize) {
    sql.push_str(if index == 0 { "(" } else { ", (" });
    for column in 0..columns {
        sql.push_str(if column == 0 { "?" } else { ", ?" });
    }
    sql.push(')');
}

/// Runs `statements` in order; gives each one's rows.
///
/// # Errors
/// Each [`RunError`], of the first statement that failed.
pub async fn run(
    connection: &mut AnyConnection,
    statements: Vec<Statement>,
) -> Result<Vec<Vec<AnyRow>>, RunError> {
    let several = connection.backend_name() == "SQLite";
    let style = if several {
        Style::Anonymous
    } else {
        Style::Numbered
    };
    let arguments: usize = statements.iter().map(|one| one.arguments.len()).sum();
    let together = several && arguments <= SHARED;
    let mut found = Vec::with_capacity(statements.len());
    let mut group: Vec<Statement> = Vec::new();
    for statement in statements {
        let plain = several && !statement.sized && group.iter().all(|one| !one.sized);
        if !together && !plain {
            let group = std::mem::take(&mut group);
            run_group(connection, group, style, &mut found).await?;
        }
        group.push(statement);
    }
    run_group(connection, group, style, &mut found).await?;
    Ok(found)
}

async fn run_group(
    connection: &mut AnyConnection,
    group: Vec<Statement>,
    style: Style,
    found: &mut Vec<Vec<AnyRow>>,
) -> Result<(), RunError> {
    if group.is_empty() {
        return Ok(());
    }
    let length: usize = group.iter().map(|one| one.sql.len()).sum();
    let count: usize = group.iter().map(|one| one.arguments.len()).sum();
    // `$1234` is longer than `?`.
    let mut text = String::with_capacity(length.saturating_add(count.saturating_mul(4)));
    let mut arguments = AnyArguments::default();
    arguments.reserve(count, 0);
    let mut checks = Vec::with_capacity(group.len());
    for mut statement in group {
        if !text.is_empty() {
            text.push(';');
        }
        match style {
            Style::Anonymous => text.push_str(&statement.sql),
            Style::Numbered => {
                statement.number(arguments.len().saturating_add(1), &mut text);
            }
        }
        for argument in std::mem::take(&mut statement.arguments) {
            let added = match argument {
                Argument::Text(text) => arguments.add(text),
                Argument::Integer(integer) => arguments.add(integer),
            };
            added.map_err(sqlx::Error::Encode)?;
        }
        checks.push(statement);
    }
    let mut answers = connection.fetch_many(sqlx::query_with(AssertSqlSafe(text), arguments));
    let mut rows = Vec::new();
    let mut checks = checks.into_iter();
    while let Some(answer) = answers.try_next().await? {
        match answer {
            Either::Right(row) => rows.push(row),
            Either::Left(result) => {
                found.push(std::mem::take(&mut rows));
                if let Some(statement) = checks.next() {
                    statement.check(result.rows_affected())?;
                }
            }
        }
    }
    // Row counts are what "once" rests on: a statement without one was not checked.
    match checks.next() {
        None => Ok(()),
        Some(statement) => Err(statement.unanswered()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(statement: &Statement) -> String {
        let mut text = String::new();
        statement.number(3, &mut text);
        text
    }

    #[test]
    fn rows_are_padded_with_nulls_of_their_type() {
        let rows = (0..5).map(|n| [Argument::from(n), Argument::from("x")]);
        let statement = Statement::new("INSERT INTO t ").values(rows);
        let expected =
            "INSERT INTO t VALUES ($3, $4), ($5, $6), ($7, $8), ($9, $10), ($11, $12), ($13, $14)";
        assert_eq!(text(&statement), expected);
        let last = [Argument::Integer(None), Argument::Text(None)];
        assert_eq!(statement.arguments[10..], last);
    }

    #[test]
    fn lists_repeat_their_last_value() {
        let values = ["a", "b", "c", "d", "e"].map(Argument::from);
        let statement = Statement::new("SELECT 1 WHERE x = ? AND y IN ")
            .bind(1)
            .list(values);
        assert_eq!(
            text(&statement),
            "SELECT 1 WHERE x = $3 AND y IN ($4, $5, $6, $7, $8, $9)"
        );
        assert_eq!(statement.arguments[6], Argument::from("e"));
    }

    #[test]
    fn sizes_are_few_and_never_too_small() {
        let sizes: Vec<usize> = (0..=128).map(size).collect();
        assert!(sizes.iter().enumerate().all(|(count, size)| *size >= count));
        let mut few = sizes;
        few.dedup();
        assert_eq!(few, [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128]);
    }
}
