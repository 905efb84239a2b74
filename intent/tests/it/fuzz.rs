//! The fuzz targets' bodies over their committed corpora (`fuzz/corpus`).

use std::path::PathBuf;

#[path = "../../../fuzz/bodies/reader.rs"]
mod reader;
#[path = "../../../fuzz/bodies/render.rs"]
mod render;
#[path = "../../../fuzz/bodies/token.rs"]
mod token;

/// Runs `body` on each file of a corpus: some are accepted, some are not, none ends the test.
fn replay(corpus: &str, body: fn(&[u8]) -> bool) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/corpus")
        .join(corpus);
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let accepted = files
        .iter()
        .filter(|file| body(&std::fs::read(file).unwrap()))
        .count();
    let refused = files.len() - accepted;
    assert!(
        accepted >= 5 && refused >= 5,
        "{corpus}: {accepted} accepted, {refused} refused"
    );
    assert!(files.len() <= 200, "{corpus}: {} files", files.len());
}

#[test]
fn corpus_of_the_reader_holds() {
    replay("reader", reader::run);
}

#[test]
fn corpus_of_the_token_holds() {
    replay("token", token::run);
}

#[test]
fn corpus_of_the_render_holds() {
    replay("render", render::run);
}
