//! Black-box suites against the real binary, and tidy tests over the tree.
//!
//! The suites start `countersign` and other real processes on free ports and temporary folders, so they run in any
//! order and side by side. The binary is the one that `cargo build -p countersign` made, or the one that
//! `COUNTERSIGN_BIN` names.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what cannot go on fails the test"
)]

mod cli;
mod faults;
mod harness;
mod once;
mod overload;
mod proxy;
mod refusals;
mod split;
mod story;
mod tidy;
mod tokens;
