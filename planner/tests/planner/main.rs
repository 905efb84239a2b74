//! The planner against a fake authority, a fake enforcer with a small world behind it, and fake models.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and its servers are tasks of its own runtime"
)]

mod bench;
mod doors;
mod fake;
mod flow;
mod interruption;
mod llm;
