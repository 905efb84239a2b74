//! The enforcer over its router, with a real upstream behind it that counts what reaches it.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod approvals;
mod bench;
mod binding;
mod calls;
mod clock;
mod control;
mod corpus;
mod crash;
mod hostile;
mod journal;
mod leases;
mod leaving;
mod mcp;
mod overload;
mod possession;
mod precondition;
mod proxy;
mod records;
mod refusals;
mod resolution;
mod stale;
mod tls;
mod upstream;
mod upstream_calls;
mod wire;
