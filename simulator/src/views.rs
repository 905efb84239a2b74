//! The world as callers read it: one JSON object per kind of thing.
//!
//! What `infra` and `assets` write is all that an agent can learn through the tool API. Faults
//! and the soundness of a version are not among it; `state` is for operators.

pub(crate) mod assets;
pub(crate) mod infra;
pub(crate) mod state;
