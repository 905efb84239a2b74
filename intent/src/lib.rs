//! What an intent is: plans and steps, the tool catalogue, canonical JSON, the rendered call and the
//! signed token that binds them.
//!
//! This crate owns every format that two processes must agree on to the byte. It knows no clock, no
//! network, no disk and no randomness: time, key bytes and random bytes are arguments. The main types
//! are [`catalogue::Catalogue`], [`token::Verifier`] and the chain `UnverifiedToken` →
//! [`token::Verified`] → [`token::MatchedCall`], in which each step is the only source of the next.
#![warn(clippy::arithmetic_side_effects, clippy::float_arithmetic)]

pub mod approval;
pub mod bounds;
pub mod canonical;
pub mod catalogue;
pub mod digest;
pub mod expect;
pub mod id;
pub mod json;
pub mod jws;
pub mod key;
pub mod plan;
pub mod precondition;
pub mod proof;
pub mod receipt;
pub mod refusal;
pub mod render;
pub mod route;
mod schema;
pub mod template;
pub mod token;
pub mod tool;
