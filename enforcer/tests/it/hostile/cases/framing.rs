//! Answers whose length or head is odd, wrong or said in two ways.

use serde_json::{Value, json};

use super::super::server::{Step, send};
use super::{Case, Expected, body, case, chunked, done, doubt};

pub(super) fn all() -> Vec<Case> {
    [readable(), chunks(), lengths(), heads(), endless_heads()].concat()
}

fn readable() -> Vec<Case> {
    vec![
        done(
            "longer-than-length",
            &format!("{}trailing", body("{}")),
            json!({}),
        ),
        done(
            "pipelined",
            &format!("{}{}", body("{}"), body("\"second\"")),
            json!({}),
        ),
        done(
            "without-length",
            "HTTP/1.1 200 OK\r\n\r\n{\"a\":1}",
            json!({"a": 1}),
        ),
        done(
            "one-point-zero",
            "HTTP/1.0 200 OK\r\n\r\n{\"a\":1}",
            json!({"a": 1}),
        ),
        done(
            "chunk-extensions",
            &chunked("2;a=b\r\n{}\r\n0;c\r\n\r\n"),
            json!({}),
        ),
        done(
            "trailers",
            &chunked("2\r\n{}\r\n0\r\nX: y\r\n\r\n"),
            json!({}),
        ),
        done("no-chunks", &chunked("0\r\n\r\n"), Value::Null),
        done("empty", &body(""), Value::Null),
    ]
}

fn chunks() -> Vec<Case> {
    vec![
        doubt("bad-chunk-size", &chunked("zz\r\n{}\r\n0\r\n\r\n")),
        doubt("negative-chunk-size", &chunked("-2\r\n{}\r\n0\r\n\r\n")),
        doubt(
            "overflowing-chunk-size",
            &chunked("fffffffffffffffff\r\n{}"),
        ),
        doubt("chunk-without-end", &chunked("2\r\n{}garbage\r\n0\r\n\r\n")),
        case(
            "endless-chunk-extension",
            vec![
                Step::Read,
                send(&chunked("2;")),
                Step::Repeat(vec![b'a'; 4096], 4096),
            ],
            Expected::InDoubt,
        ),
        case(
            "endless-trailers",
            vec![
                Step::Read,
                send(&chunked("2\r\n{}\r\n0\r\n")),
                Step::Repeat(
                    b"X-Trailer: yyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n".to_vec(),
                    100_000,
                ),
            ],
            Expected::InDoubt,
        ),
    ]
}

fn lengths() -> Vec<Case> {
    let two = |first: &str, second: &str| {
        format!("HTTP/1.1 200 OK\r\n{first}\r\n{second}\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n")
    };
    vec![
        doubt(
            "two-lengths",
            &two("Content-Length: 2", "Content-Length: 3"),
        ),
        doubt(
            "same-length-twice",
            &two("Content-Length: 2", "Content-Length: 2"),
        ),
        doubt(
            "length-and-chunks",
            &two("Content-Length: 2", "Transfer-Encoding: chunked"),
        ),
        doubt(
            "chunks-and-length",
            &two("Transfer-Encoding: chunked", "Content-Length: 2"),
        ),
        doubt(
            "chunked-twice",
            &two("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
        ),
        doubt(
            "other-encoding",
            &two("Transfer-Encoding: gzip, chunked", "X: y"),
        ),
        doubt(
            "unknown-encoding",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: x\r\n\r\n{}",
        ),
        doubt(
            "negative-length",
            "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n{}",
        ),
        doubt(
            "signed-length",
            "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\n{}",
        ),
        doubt(
            "length-list",
            "HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\n{}",
        ),
    ]
}

fn heads() -> Vec<Case> {
    let header = |line: &str| format!("HTTP/1.1 200 OK\r\n{line}\r\nContent-Length: 2\r\n\r\n{{}}");
    let many = "X-Many: y\r\n".repeat(200);
    vec![
        doubt("not-http", "hello\r\n"),
        doubt("nine", "<html>hello</html>"),
        doubt("two-preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        doubt("two-settings", "\0\0\0\u{4}\0\0\0\0\0"),
        doubt("icy", "ICY 200 OK\r\n\r\n"),
        doubt("status-missing", "HTTP/1.1 \r\n\r\n"),
        doubt(
            "status-word",
            "HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n",
        ),
        doubt("status-99", "HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n"),
        doubt(
            "status-2000",
            "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
        ),
        doubt("nul-in-header", &header("X: a\0b")),
        doubt("nul-in-name", &header("X\0: a")),
        doubt("obs-fold", &header("X: a\r\n b")),
        doubt("no-colon", &header("X")),
        doubt("space-before-colon", &header("X : a")),
        doubt("bare-cr", &header("X: a\rb")),
        doubt("200-header-lines", &header(many.trim_end())),
        doubt(
            "huge-header",
            &header(&format!("X: {}", "y".repeat(200_000))),
        ),
    ]
}

fn endless_heads() -> Vec<Case> {
    vec![
        case(
            "endless-header",
            vec![
                Step::Read,
                send("HTTP/1.1 200 OK\r\nX: "),
                Step::Repeat(vec![b'y'; 4096], 4096),
            ],
            Expected::InDoubt,
        ),
        case(
            "endless-header-lines",
            vec![
                Step::Read,
                send("HTTP/1.1 200 OK\r\n"),
                Step::Repeat(b"X: y\r\n".to_vec(), 1_000_000),
            ],
            Expected::InDoubt,
        ),
        case(
            "interim-flood",
            vec![
                Step::Read,
                Step::Repeat(b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(), 1_000_000),
            ],
            Expected::InDoubt,
        ),
        done(
            "interim-answers",
            &format!(
                "{}{}",
                "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n".repeat(20),
                body("{}")
            ),
            json!({}),
        ),
    ]
}
