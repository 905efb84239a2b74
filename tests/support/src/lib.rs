//! What test suites of several crates need. A dev-dependency, never part of a program.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test that lacks its surroundings fails at once"
)]

mod postgres;

pub use postgres::Postgres;
