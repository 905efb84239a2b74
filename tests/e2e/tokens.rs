//! The token corpus before a second verifier, which shares no code with the product.

use std::process::Command;

use crate::harness::root;

#[test]
fn second_verifier_answers_the_token_corpus_as_listed() {
    let script = root().join("tests/vectors/tokens/verify.py");
    let output = Command::new("python3").arg(script).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{errors}");
    let cases: usize = text.split(' ').next().unwrap().parse().unwrap();
    assert!(cases >= 150, "{text}");
}
