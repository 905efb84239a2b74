//! F2 and F4: what the system is asked to do, seen and spoilt by `strace`.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};

use super::load::{Fired, Load, fire};
use super::power::{ABORTED, survives};
use super::{conclude, part_of, run_all};
use crate::harness::eventually;
use crate::harness::issuer::{Issuer, Ticket};
use crate::harness::solo::Site;
use crate::harness::upstream::Upstream;

/// Waves of calls until a fault must have struck.
const WAVES: usize = 60;

/// `strace` with these arguments, as a child of the process that it watches, with its log in `log`.
fn strace(log: &Path, arguments: &[&str]) -> Vec<String> {
    let mut all = vec!["strace", "-D", "-f", "-qq", "-o", log.to_str().unwrap()];
    all.extend(arguments);
    all.into_iter().map(str::to_owned).collect()
}

/// The enforcer's write-ahead log.
fn wal(site: &Site) -> PathBuf {
    let mut name = site.file().into_os_string();
    name.push("-wal");
    PathBuf::from(name)
}

// === F2

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fails_to_keep_a_commit_ends_the_process_and_nothing_is_lost() {
    let issuer = Issuer::start().await;
    let which = part_of(vec![1, 2, 4, 9, 17], (1..=40).collect());
    let cases = which.into_iter().map(|nth: u32| {
        let issuer = issuer.clone();
        let case = async move || fails_at(issuer, nth).await;
        (format!("fsync {nth}"), case)
    });
    run_all("F2", cases).await;
}

/// The disk fails at the `nth` sync of the write-ahead log.
async fn fails_at(issuer: Issuer, nth: u32) -> Vec<String> {
    let upstream = Upstream::start().await;
    let site = Site::new(&issuer, upstream.url());
    let (log, wal) = (site.folder().join("strace"), wal(&site));
    let inject = format!("inject=fdatasync,fsync:error=EIO:when={nth}");
    let path = wal.to_str().unwrap();
    let traced = ["-e", "trace=fdatasync,fsync", "-P", path, "-e", &inject];
    let mut process = site.spawn(None, &strace(&log, &traced));
    let mut fired = Vec::new();
    let started = eventually(
        "the process is ready or over",
        crate::harness::SOON,
        async || {
            if process.status().is_some() {
                return Some(false);
            }
            site.is_ready().then_some(true)
        },
    )
    .await;
    if started {
        let door = site.door();
        let mut load = Load::new(u64::from(nth));
        for _ in 0..WAVES {
            fired.extend(load.wave(&issuer, &door).await);
            if process.status().is_some() {
                break;
            }
        }
    }
    let Some(status) = process.status() else {
        return vec![format!(
            "there were less than {nth} syncs, or one was ignored"
        )];
    };
    let mut found = Vec::new();
    let injected = std::fs::read_to_string(&log).unwrap_or_default();
    if !injected.contains("INJECTED") {
        found.push(format!("no sync failed; the process ended with {status}"));
    }
    // Before it is ready it may end with an error; afterwards nothing but an abort is safe.
    if started && status.signal() != Some(ABORTED) {
        found.push(format!("the process ended with {status}"));
    }
    found.extend(survives(&issuer, &upstream, &site, fired).await);
    found
}

// === F4

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_call_is_on_disk_before_it_is_sent_and_its_outcome_before_it_is_answered() {
    let (issuer, upstream) = (Issuer::start().await, Upstream::start().await);
    let site = Site::new(&issuer, upstream.url());
    let log = site.folder().join("strace");
    let calls =
        "trace=fdatasync,fsync,connect,sendto,sendmsg,write,writev,recvfrom,recvmsg,read,readv";
    let under = strace(&log, &["-yy", "-s", "8192", "-e", calls]);
    let mut solo = site.start_with(None, &under).await;
    let count = part_of(48, 200);
    let tickets: Vec<Ticket> = (0..count)
        .map(|number| issuer.scaling(&format!("svc{number}x")))
        .collect();
    let mut fired = Vec::new();
    for group in tickets.chunks(4) {
        fired.extend(fire(&solo, group.to_vec(), usize::MAX).await);
    }
    solo.process.ask_to_end();
    solo.process.ended().await;
    let mut found = Vec::new();
    for Fired { ticket, heard } in &fired {
        if heard.iter().flatten().all(|answer| answer.status != 200) {
            found.push(format!("`{}` did not run: {heard:?}", ticket.jti));
        }
    }
    let trace = Trace::read(&std::fs::read_to_string(&log).unwrap(), &wal(&site));
    for number in 0..count {
        found.extend(trace.order_of(&format!("svc{number}x")));
    }
    conclude("F4", &[(format!("{count} calls"), found)]);
}

/// One system call: where in the log it began and ended, and its text.
#[derive(Debug)]
struct Done {
    began: usize,
    ended: usize,
    text: String,
}

/// What the process asked of the system, in the order in which the requests ended.
#[derive(Debug)]
struct Trace {
    done: Vec<Done>,
    wal: String,
}

impl Trace {
    /// Reads a log of `strace -f`, in which a call that another one overtook stands in two lines.
    fn read(log: &str, wal: &Path) -> Self {
        let mut open = BTreeMap::<&str, (usize, String)>::new();
        let mut done = Vec::new();
        for (line, text) in log.lines().enumerate() {
            let Some((thread, text)) = text.split_once(' ') else {
                continue;
            };
            let text = text.trim_start();
            if let Some(begun) = text.strip_suffix("<unfinished ...>") {
                open.insert(thread, (line, begun.to_owned()));
            } else if let Some((_, rest)) = text.split_once(" resumed>") {
                if let Some((began, begun)) = open.remove(thread) {
                    done.push(Done {
                        began,
                        ended: line,
                        text: begun + rest,
                    });
                }
            } else {
                done.push(Done {
                    began: line,
                    ended: line,
                    text: text.to_owned(),
                });
            }
        }
        Self {
            done,
            wal: wal.to_str().unwrap().to_owned(),
        }
    }

    /// Checks the call of one service: arrived, synced, sent, answered there, synced, answered here.
    fn order_of(&self, service: &str) -> Vec<String> {
        let find = |what: &str, after: usize, is: &dyn Fn(&Done) -> bool| {
            let found = self.done.iter().find(|one| one.began >= after && is(one));
            found.ok_or_else(|| vec![format!("`{service}`: no sign of it being {what}")])
        };
        let steps = || -> Result<Vec<String>, Vec<String>> {
            let came = find("received", 0, &|one| {
                one.reads() && one.text.contains(service)
            })?;
            let path = format!("/v1/services/{service}/");
            let sent = find("sent", came.ended, &|one| {
                one.writes() && one.text.contains(&path)
            })?;
            let answer = find("answered by the upstream", sent.began, &|one| {
                one.reads() && one.socket() == sent.socket() && one.text.contains("HTTP/1.1 200")
            })?;
            let told = find("answered", answer.began, &|one| {
                one.writes() && one.socket() == came.socket() && one.text.contains("HTTP/1.1 200")
            })?;
            let mut found = Vec::new();
            if !self.synced(came.ended, sent.began) {
                found.push(format!("`{service}` was sent before it was on disk"));
            }
            if !self.synced(answer.ended, told.began) {
                found.push(format!(
                    "`{service}` was answered before its outcome was on disk"
                ));
            }
            Ok(found)
        };
        steps().unwrap_or_else(|missing| missing)
    }

    /// Whether a sync of the write-ahead log began after one line and succeeded before another.
    fn synced(&self, after: usize, before: usize) -> bool {
        self.done.iter().any(|one| {
            let sync = one.text.starts_with("fdatasync(") || one.text.starts_with("fsync(");
            let good = one.text.contains(&self.wal) && one.text.trim_end().ends_with("= 0");
            sync && good && one.began > after && one.ended < before
        })
    }
}

impl Done {
    fn is_one_of(&self, names: &[&str]) -> bool {
        let name = self.text.split('(').next().unwrap_or_default();
        names.contains(&name)
    }

    fn reads(&self) -> bool {
        self.is_one_of(&["recvfrom", "recvmsg", "read", "readv"])
    }

    fn writes(&self) -> bool {
        self.is_one_of(&["sendto", "sendmsg", "write", "writev"])
    }

    /// Its first argument: the number of the file. What it is connected to stands behind it, but not in
    /// every line: the other end may have left already.
    fn socket(&self) -> &str {
        let after = self.text.split('(').nth(1).unwrap_or_default();
        after.split(['<', ',']).next().unwrap_or_default()
    }
}
