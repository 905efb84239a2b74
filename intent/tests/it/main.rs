//! The crate seen from outside: third-party vectors, the hostile token corpus, its laws as properties,
//! and the bodies of the fuzz targets over their committed corpora.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

mod binding;
mod canonical;
mod corpus;
mod fixture;
mod fuzz;
mod proof;
mod render;
mod resend;
mod route;
mod token;
mod vectors;
