//! Processes of the bench: started, watched, ended.

use std::fs::File;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_mins(2);

/// A running server. It ends with this value.
#[derive(Debug)]
pub(crate) struct Server {
    name: String,
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts a subcommand of this program that writes its address to a ready file in `folder`.
    pub(crate) fn own(arguments: &[&str], folder: &Path) -> Self {
        let ready = folder.join(format!("{}.ready", arguments[0]));
        let _ = std::fs::remove_file(&ready);
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(arguments).arg("--ready").arg(&ready);
        Self::start(arguments[0], &mut command, folder, |_| {
            std::fs::read_to_string(&ready).ok()?.parse().ok()
        })
    }

    /// Starts a server that listens at `address`.
    pub(crate) fn start_at(
        name: &str,
        command: &mut Command,
        folder: &Path,
        address: SocketAddr,
    ) -> Self {
        Self::start(name, command, folder, |_| {
            TcpStream::connect(address).is_ok().then_some(address)
        })
    }

    /// Starts a server; waits until `ready` knows its address.
    pub(crate) fn start(
        name: &str,
        command: &mut Command,
        folder: &Path,
        ready: impl Fn(&mut Child) -> Option<SocketAddr>,
    ) -> Self {
        let log = folder.join(format!("{name}.log"));
        let output = File::create(&log).expect("a log file");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        let began = Instant::now();
        let address = loop {
            if let Some(address) = ready(&mut child) {
                break address;
            }
            let ended = child.try_wait().unwrap();
            if ended.is_some() || began.elapsed() > PATIENCE {
                let _ = child.kill();
                let said = std::fs::read_to_string(&log).unwrap_or_default();
                panic!("{name} is not ready ({ended:?}): {}", tail(&said));
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        Self {
            name: name.to_owned(),
            child,
            address,
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end, and waits.
    pub(crate) fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        drop(self.child.stdin.take());
        let pid = self.child.id().to_string();
        let _ = Command::new("kill")
            .args(["-TERM", &pid])
            .stderr(Stdio::null())
            .status();
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(40) {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        eprintln!("{} had to be killed", self.name);
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.end();
        }
    }
}

/// Runs a subcommand of this program to its end; gives what it printed.
pub(crate) fn own(arguments: &[&str]) -> String {
    let done = Command::new(std::env::current_exe().unwrap())
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .expect("a subcommand of the bench");
    assert!(done.status.success(), "`{}` failed", arguments[0]);
    String::from_utf8(done.stdout).unwrap()
}

/// The processor time that a process took so far, in µs. The kernel counts it in hundredths of a second.
pub(crate) fn cpu_micros(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("a running process");
    // Fields 14 and 15, counted behind the name, which may hold anything.
    let fields = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace();
    let ticks: u64 = fields
        .skip(11)
        .take(2)
        .map(|field| field.parse::<u64>().unwrap())
        .sum();
    ticks * 10_000
}

/// The memory that a process holds, in KiB.
pub(crate) fn rss_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a running process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let figure = line.and_then(|line| line.split_whitespace().next());
    figure
        .and_then(|figure| figure.parse().ok())
        .unwrap_or_default()
}

/// The last lines of a log.
fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}

/// Whether a program is on the path.
pub(crate) fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder: PathBuf| folder.join(program).is_file())
}
