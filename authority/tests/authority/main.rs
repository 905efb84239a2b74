//! The authority's routes, as agents, people and enforcers use them: the real router over a fresh
//! database, the shipped policies, a clock that is moved by hand, and an enforcer that a test plays.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod approvals;
mod binding;
mod control;
mod enforcer;
mod events;
mod plans;
mod policies;
mod receipts;
mod restart;
mod standard;
mod tokens;
mod world;
