//! Client commands: run to their end, with exit code and output.

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use super::process::countersign;

/// How a command ended.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs `countersign` with `arguments` in the folder `inside`.
pub(crate) fn run(arguments: &[&str], inside: &Path) -> Ended {
    let output = countersign()
        .args(arguments)
        .current_dir(inside)
        .stdin(Stdio::null())
        .output()
        .expect("the binary runs");
    Ended {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Ended {
    /// Checks the exit code.
    #[track_caller]
    pub(crate) fn with(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "stdout:\n{}\nstderr:\n{}",
            self.stdout, self.stderr
        );
        self
    }

    /// The one document that `--json` prints.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("not one JSON document: {error}\n{}", self.stdout))
    }
}
