//! The cases, as a table: what the upstream does, and what that must be called.

mod content;
mod framing;

use std::time::Duration;

use serde_json::{Value, json};

use super::server::{Script, Step, answer, send};

/// Where the case's upstream is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// On loopback.
    Here,
    /// At this address, where `PORT` is the server's; only these addresses may be dialled.
    At(&'static str, &'static str),
    /// On IPv6 loopback.
    Six,
    /// Where nobody listens.
    Nowhere,
    /// Where connections wait in a queue that nobody empties.
    Unaccepted,
    /// Where that queue is full.
    Full,
}

/// What must become of the call.
#[derive(Clone, Debug)]
pub(super) enum Expected {
    NotSent,
    InDoubt,
    /// Done with this status, showing this.
    Done(u16, Shown),
}

/// What the caller must be shown.
#[derive(Clone, Debug)]
pub(super) enum Shown {
    Exactly(Value),
    /// Text that holds this.
    Holding(&'static str),
}

/// One case.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) place: Place,
    pub(super) script: Script,
    pub(super) expected: Expected,
    pub(super) connections: usize,
    pub(super) requests: usize,
    /// The tool's time limit.
    pub(super) limit: &'static str,
}

fn case(name: &'static str, script: Script, expected: Expected) -> Case {
    Case {
        name,
        place: Place::Here,
        script,
        expected,
        connections: 1,
        requests: 1,
        // Long enough for a loaded machine: only the cases that wait for it use it up.
        limit: "20s",
    }
}

fn hanging(name: &'static str, script: Script) -> Case {
    Case {
        limit: "300ms",
        ..case(name, script, Expected::InDoubt)
    }
}

/// Reads the request, then sends `text` and closes.
fn says(text: &str) -> Script {
    vec![Step::Read, send(text)]
}

fn doubt(name: &'static str, text: &str) -> Case {
    case(name, says(text), Expected::InDoubt)
}

fn done(name: &'static str, text: &str, result: Value) -> Case {
    case(
        name,
        says(text),
        Expected::Done(200, Shown::Exactly(result)),
    )
}

/// An answer of which `bytes` are sent before the connection is reset.
fn reset_at(name: &'static str, bytes: usize) -> Case {
    let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"ok\":true}";
    let script = vec![Step::Read, Step::Send(whole[..bytes].to_vec()), Step::Reset];
    case(name, script, Expected::InDoubt)
}

fn closed_at(name: &'static str, bytes: usize) -> Case {
    let whole = "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"ok\":true}";
    doubt(name, whole.get(..bytes).unwrap())
}

fn body(text: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}",
        text.len()
    )
}

fn chunked(text: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{text}")
}

/// Every case; `witness` is a server that must hear of none of them.
pub(super) fn all(witness: &str) -> Vec<Case> {
    let mut cases = places();
    cases.extend(silences());
    cases.extend(breaks());
    cases.extend(framing::all());
    cases.extend(content::all(witness));
    cases
}

fn places() -> Vec<Case> {
    let unreached = |name, place| Case {
        place,
        connections: 0,
        requests: 0,
        limit: "500ms",
        ..case(name, vec![Step::Read, answer(200, "{}")], Expected::NotSent)
    };
    let reached = |name, place| Case {
        place,
        ..case(
            name,
            vec![Step::Read, answer(200, "{}")],
            Expected::Done(200, Shown::Exactly(json!({}))),
        )
    };
    vec![
        unreached("refused", Place::Nowhere),
        unreached("queue-full", Place::Full),
        Case {
            expected: Expected::InDoubt,
            limit: "300ms",
            ..unreached("hang-before-accept", Place::Unaccepted)
        },
        unreached(
            "name-outside-ranges",
            Place::At("localhost:PORT", "10.0.0.0/8"),
        ),
        unreached(
            "address-outside-ranges",
            Place::At("127.0.0.1:PORT", "127.0.0.2"),
        ),
        unreached("metadata", Place::At("169.254.169.254:80", "0.0.0.0/0")),
        unreached(
            "metadata-mapped",
            Place::At("[::ffff:169.254.169.254]:80", "0.0.0.0/0"),
        ),
        unreached("unspecified", Place::At("0.0.0.0:PORT", "0.0.0.0/0")),
        reached(
            "name-inside-ranges",
            Place::At("localhost:PORT", "127.0.0.1"),
        ),
        reached(
            "mapped-address",
            Place::At("[::ffff:127.0.0.1]:PORT", "127.0.0.0/8"),
        ),
        reached("six", Place::Six),
    ]
}

fn silences() -> Vec<Case> {
    let pause = Duration::from_millis(100);
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n";
    let slow = |text: &str| Step::Slow(text.as_bytes().to_vec(), pause);
    vec![
        hanging("hang-before-head", vec![Step::Read, Step::Hang]),
        hanging(
            "hang-in-head",
            vec![Step::Read, send("HTTP/1.1 200 OK\r\nContent-"), Step::Hang],
        ),
        hanging("hang-before-body", vec![Step::Read, send(head), Step::Hang]),
        hanging(
            "hang-in-body",
            vec![Step::Read, send(head), send("{\"ok\":"), Step::Hang],
        ),
        hanging(
            "hang-in-chunk",
            vec![Step::Read, send(&chunked("b\r\n{\"ok\":")), Step::Hang],
        ),
        hanging(
            "hang-before-last-chunk",
            vec![Step::Read, send(&chunked("2\r\n{}\r\n")), Step::Hang],
        ),
        hanging(
            "hang-without-length",
            vec![Step::Read, send("HTTP/1.1 200 OK\r\n\r\n{}"), Step::Hang],
        ),
        hanging(
            "slow-head",
            vec![Step::Read, slow(head), send("{\"ok\":true}")],
        ),
        hanging(
            "slow-body",
            vec![Step::Read, send(head), slow("{\"ok\":true}")],
        ),
        hanging(
            "interim-then-hang",
            vec![
                Step::Read,
                send("HTTP/1.1 103 Early Hints\r\n\r\n"),
                Step::Hang,
            ],
        ),
    ]
}

fn breaks() -> Vec<Case> {
    vec![
        Case {
            requests: 0,
            ..case(
                "reset-in-request",
                vec![Step::ReadSome(1), Step::Reset],
                Expected::InDoubt,
            )
        },
        reset_at("reset-at-0", 0),
        reset_at("reset-at-1", 1),
        reset_at("reset-in-status", 10),
        reset_at("reset-after-status", 17),
        reset_at("reset-in-header", 25),
        reset_at("reset-before-body", 39),
        reset_at("reset-in-body", 45),
        reset_at("reset-before-last-byte", 49),
        closed_at("closed-at-0", 0),
        closed_at("closed-in-status", 10),
        closed_at("closed-in-header", 25),
        closed_at("closed-before-body", 39),
        closed_at("closed-before-last-byte", 49),
        case(
            "reset-without-length",
            vec![Step::Read, send("HTTP/1.1 200 OK\r\n\r\n{}"), Step::Reset],
            Expected::InDoubt,
        ),
        doubt("closed-in-chunk", &chunked("5\r\nab")),
        doubt("closed-before-last-chunk", &chunked("2\r\n{}\r\n")),
    ]
}
