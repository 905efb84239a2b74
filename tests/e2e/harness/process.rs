//! Child processes: their log, their ready file, their end.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::eventually;

/// How long a process may take to be ready, on a machine that does other things too.
const READY: Duration = Duration::from_mins(1);
/// Lines of a log that a failing test shows.
const SHOWN: usize = 60;

/// The `countersign` binary.
pub(crate) fn binary() -> PathBuf {
    #[expect(
        clippy::disallowed_methods,
        reason = "which binary is tested is the caller's choice"
    )]
    let chosen = std::env::var("COUNTERSIGN_BIN").ok().map(PathBuf::from);
    let built = || Path::new(env!("CARGO_BIN_EXE_counting-upstream")).with_file_name("countersign");
    let path = chosen.unwrap_or_else(built);
    assert!(
        path.is_file(),
        "there is no `{}`: run `cargo build -p countersign` first, or name a binary with COUNTERSIGN_BIN",
        path.display()
    );
    path
}

/// `countersign` with nothing of this process's environment but what programs need to run.
pub(crate) fn countersign() -> Command {
    let mut command = Command::new(binary());
    command.env_clear();
    for name in ["PATH", "HOME", "TMPDIR"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.env("RUST_BACKTRACE", "1");
    command
}

/// A child process; it is killed when dropped, and its log is shown when a test fails meanwhile.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` with its output in the file `log`.
    pub(crate) fn spawn(mut command: Command, log: &Path) -> Self {
        let file = File::options().create(true).append(true).open(log).unwrap();
        // An open standard input tells those who watch it that the test still runs.
        let child = command
            .stdin(Stdio::piped())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap_or_else(|error| {
                panic!(
                    "cannot start `{}`: {error}",
                    command.get_program().display()
                )
            });
        Self {
            child,
            log: log.to_owned(),
        }
    }

    /// Waits for the ready file.
    pub(crate) async fn ready(&mut self, file: &Path) -> Value {
        let what = format!(
            "`{}` is there (log: {})",
            file.display(),
            self.log.display()
        );
        eventually(&what, READY, async || {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!(
                    "the process ended with {status} before it was ready:\n{}",
                    tail(&self.log)
                );
            }
            let text = std::fs::read_to_string(file).ok()?;
            Some(serde_json::from_str(&text).unwrap())
        })
        .await
    }

    /// Ends the process at once: `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// How much memory the process holds, in KiB.
    pub(crate) fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.unwrap()
            .trim()
            .trim_end_matches(" kB")
            .parse()
            .unwrap()
    }

    /// Asks the process to end, as service managers do: SIGTERM.
    pub(crate) fn ask_to_end(&self) {
        signal("TERM", &[self.pid()]);
    }

    /// Its id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it is stopped (SIGSTOP), as a whole.
    pub(crate) async fn stopped(&self) {
        let stat = format!("/proc/{}/stat", self.pid());
        eventually("the process is stopped", READY, async || {
            let stat = std::fs::read_to_string(&stat).unwrap();
            // The state follows the name, which stands in parentheses.
            let state = stat.rsplit(") ").next().unwrap().chars().next();
            (state == Some('T')).then_some(())
        })
        .await;
    }

    /// Whether the process ended, and how.
    pub(crate) fn status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Waits until the process ended.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        eventually("the process ended", READY, async || self.status()).await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!(
                "--- the end of {} ---\n{}",
                self.log.display(),
                tail(&self.log)
            );
        }
    }
}

/// Sends a signal, such as `STOP`, to processes.
pub(crate) fn signal(name: &str, processes: &[u32]) {
    let ids: Vec<String> = processes.iter().map(u32::to_string).collect();
    let order = format!("kill -{name} {}", ids.join(" "));
    let sent = Command::new("sh").args(["-c", &order]).status().unwrap();
    assert!(sent.success(), "{order}");
}

fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(SHOWN)..].join("\n")
}
