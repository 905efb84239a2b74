//! The crate seen from outside: third-party vectors, the hostile token corpus, properties of `render`.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod fixture;
mod render;
mod token;
mod vectors;
