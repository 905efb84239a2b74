//! The enforcer over its router, with a real upstream behind it that counts what reaches it.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod approvals;
mod bench;
mod calls;
mod control;
mod crash;
mod mcp;
mod records;
mod refusals;
mod resolution;
mod upstream;
mod wire;
