//! Prints the token corpus: `cargo run -p countersign-intent --example corpus > tests/vectors/tokens/corpus.json`.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    reason = "a tool for developers"
)]

#[path = "../tests/it/corpus/make.rs"]
mod make;

fn main() {
    print!("{}", make::document());
}
