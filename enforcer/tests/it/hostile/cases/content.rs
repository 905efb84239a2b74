//! What answers say: statuses, bodies, and the credential where it does not belong.

use std::fmt::Write as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::server::{Step, answer, send};
use super::{Case, Expected, Shown, body, case, chunked, doubt, says};
use crate::bench::CREDENTIAL;

pub(super) fn all(witness: &str) -> Vec<Case> {
    [statuses(witness), sizes(), texts(), echoes()].concat()
}

fn statuses(witness: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, status) in [
        ("redirect-301", 301),
        ("redirect-302", 302),
        ("redirect-303", 303),
        ("redirect-307", 307),
        ("redirect-308", 308),
    ] {
        let text = format!(
            "HTTP/1.1 {status} X\r\nLocation: http://{witness}/other\r\nContent-Length: 0\r\n\r\n"
        );
        let expected = Expected::Done(status, Shown::Exactly(Value::Null));
        cases.push(case(name, says(&text), expected));
    }
    for (name, status) in [
        ("bad-request", 400),
        ("conflict", 409),
        ("error", 500),
        ("busy", 503),
    ] {
        let expected = Expected::Done(status, Shown::Exactly(json!({"why": 1})));
        cases.push(case(
            name,
            vec![Step::Read, answer(status, r#"{"why":1}"#)],
            expected,
        ));
    }
    for (name, status) in [
        ("request-timeout", 408),
        ("bad-gateway", 502),
        ("gateway-timeout", 504),
    ] {
        cases.push(case(
            name,
            vec![Step::Read, answer(status, "{}")],
            Expected::InDoubt,
        ));
    }
    let switching = "HTTP/1.1 101 X\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n";
    cases.push(doubt("switching", switching));
    let nothing = "HTTP/1.1 204 X\r\nContent-Length: 5\r\n\r\nhello";
    let expected = Expected::Done(204, Shown::Exactly(Value::Null));
    cases.push(case("no-content-with-body", says(nothing), expected));
    // Answered and closed before the request's last byte was read.
    cases.push(Case {
        requests: 0,
        ..case(
            "early-answer",
            vec![Step::ReadSome(20), answer(413, r#""enough""#)],
            Expected::Done(413, Shown::Exactly(json!("enough"))),
        )
    });
    cases
}

fn sizes() -> Vec<Case> {
    let block = vec![b'x'; 1 << 20];
    let mut chunk = b"100000\r\n".to_vec();
    chunk.extend_from_slice(&block);
    chunk.extend_from_slice(b"\r\n");
    let gzip = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\x2b\x49\x2d\x2e\x01\x00\x0c\x7e\x7f\xd8\x04\x00\x00\x00";
    let mut gzipped =
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 24\r\n\r\n".to_vec();
    gzipped.extend_from_slice(gzip);
    vec![
        case(
            "hundred-mib-promised",
            vec![
                Step::Read,
                send("HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n"),
                Step::Repeat(block.clone(), 100),
            ],
            Expected::InDoubt,
        ),
        case(
            "hundred-mib",
            vec![
                Step::Read,
                send("HTTP/1.1 200 OK\r\n\r\n"),
                Step::Repeat(block.clone(), 100),
            ],
            Expected::InDoubt,
        ),
        case(
            "hundred-mib-in-chunks",
            vec![Step::Read, send(&chunked("")), Step::Repeat(chunk, 100)],
            Expected::InDoubt,
        ),
        case(
            "smallest-chunks",
            vec![
                Step::Read,
                send(&chunked("")),
                Step::Repeat(b"1\r\nx\r\n".repeat(1 << 14), 4096),
            ],
            Expected::InDoubt,
        ),
        case(
            "three-mib",
            vec![
                Step::Read,
                send("HTTP/1.1 200 OK\r\nContent-Length: 3145728\r\n\r\n"),
                Step::Repeat(block, 3),
            ],
            Expected::Done(200, Shown::Holding("xxxxxxxx")),
        ),
        case(
            "gzip",
            vec![Step::Read, Step::Send(gzipped)],
            Expected::Done(200, Shown::Holding("\u{1f}")),
        ),
    ]
}

fn texts() -> Vec<Case> {
    let text = |name, bytes: &[u8], expected| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", bytes.len());
        let script = vec![Step::Read, send(&head), Step::Send(bytes.to_vec())];
        case(name, script, Expected::Done(200, expected))
    };
    vec![
        text(
            "invalid-utf-8",
            b"{\"a\":\"\xff\xfe\"}",
            Shown::Holding("{\"a\":\"\u{fffd}"),
        ),
        text(
            "duplicate-members",
            br#"{"a":1,"a":2}"#,
            Shown::Exactly(json!(r#"{"a":1,"a":2}"#)),
        ),
        text(
            "escaped-duplicates",
            br#"{"a":1,"\u0061":2}"#,
            Shown::Holding("u0061"),
        ),
        text(
            "big-number",
            b"[9007199254740993]",
            Shown::Exactly(json!("[9007199254740993]")),
        ),
        text(
            "proto",
            br#"{"__proto__":{}}"#,
            Shown::Exactly(json!(r#"{"__proto__":{}}"#)),
        ),
        text(
            "deep",
            "[".repeat(100_000).as_bytes(),
            Shown::Holding("[[[[[[[["),
        ),
        text("not-json", b"{\"a\":", Shown::Exactly(json!("{\"a\":"))),
        text(
            "json",
            br#"{"a":[1,2.5,null,true,"b"]}"#,
            Shown::Exactly(json!({"a": [1, 2.5, null, true, "b"]})),
        ),
    ]
}

fn echoes() -> Vec<Case> {
    let mark = "[redacted:";
    let echo = |name, text: &str| {
        let expected = Expected::Done(200, Shown::Holding(mark));
        case(name, says(&body(text)), expected)
    };
    let plain = CREDENTIAL;
    let percent = spelled(|text, byte| write!(text, "%{byte:02x}").unwrap());
    let hex = spelled(|text, byte| write!(text, "{byte:02x}").unwrap());
    let escaped = spelled(|text, byte| write!(text, "\\u{byte:04x}").unwrap());
    let (left, right) = plain.split_at(7);
    let split = chunked(&format!(
        "{:x}\r\n{left}\r\n{:x}\r\n{right}\r\n0\r\n\r\n",
        left.len(),
        right.len()
    ));
    vec![
        echo("echo-plain", plain),
        echo(
            "echo-in-json",
            &json!({"key": format!("a {plain} b")}).to_string(),
        ),
        echo("echo-as-name", &json!({plain: 1}).to_string()),
        echo("echo-base64", &STANDARD.encode(plain)),
        echo(
            "echo-base64-inside",
            &STANDARD.encode(format!("admin:{plain}\n")),
        ),
        echo("echo-hex", &hex),
        echo("echo-percent", &percent),
        echo("echo-escaped", &format!("{{\"key\":\"{escaped}\"}}")),
        echo("echo-escaped-text", &format!("not json {escaped}")),
        echo(
            "echo-json-in-json",
            &json!({"inner": format!("{{\"k\":\"{escaped}\"}}")}).to_string(),
        ),
        case(
            "echo-over-chunks",
            says(&split),
            Expected::Done(200, Shown::Holding(mark)),
        ),
        case(
            "echo-over-packets",
            vec![
                Step::Read,
                send(&format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
                    plain.len()
                )),
                Step::Slow(plain.as_bytes().to_vec(), Duration::from_millis(1)),
            ],
            Expected::Done(200, Shown::Holding(mark)),
        ),
    ]
}

/// The credential, byte for byte in another spelling.
fn spelled(spell: impl Fn(&mut String, u8)) -> String {
    let mut text = String::new();
    for byte in CREDENTIAL.bytes() {
        spell(&mut text, byte);
    }
    text
}
