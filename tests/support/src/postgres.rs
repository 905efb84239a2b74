//! A PostgreSQL server for a test: started by `scripts/postgres`, gone when dropped.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// A running server. It ends, and its data goes, with this value or with the test's process.
#[derive(Debug)]
pub struct Postgres {
    script: Child,
    url: String,
    pid: u32,
    databases: AtomicU32,
}

impl Postgres {
    /// Starts one on a free port, with nothing in it.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts the one whose cluster is kept in `folder`.
    pub fn start_in(folder: &Path) -> Self {
        Self::start_with(&["--dir", folder.to_str().unwrap()])
    }

    fn start_with(arguments: &[&str]) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/postgres");
        let mut script = Command::new(script)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(script.stdout.take().unwrap()).lines();
        let mut line = || {
            let line = lines.next().and_then(Result::ok);
            line.expect("`scripts/postgres` prints an address: see its messages above")
        };
        let (url, pid) = (line(), line());
        Self {
            script,
            url,
            pid: pid.trim().parse().unwrap(),
            databases: AtomicU32::new(0),
        }
    }

    /// The address of its maintenance database.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The server's process.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Makes a new database; gives its address.
    pub fn database(&self) -> String {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{number}_{}", std::process::id());
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        self.url.replace("/postgres", &format!("/{name}"))
    }

    /// Runs a statement in the database `name`; gives the rows as text.
    pub fn sql(&self, name: &str, statement: &str) -> String {
        let url = self.url.replace("/postgres", &format!("/{name}"));
        let done = Command::new("psql")
            .args([
                "-X",
                "-q",
                "-A",
                "-t",
                "-v",
                "ON_ERROR_STOP=1",
                "-c",
                statement,
                &url,
            ])
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{statement}: {error}");
        String::from_utf8(done.stdout).unwrap().trim().to_owned()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // The script ends the server when its standard input ends.
        drop(self.script.stdin.take());
        let _ = self.script.wait();
    }
}
