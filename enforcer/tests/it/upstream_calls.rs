//! Calls on the wire beyond one answer: late answers, calls that are sent again, reads that share a
//! connection, and what the environment says of proxies.

use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use countersign_intent::jws;
use countersign_intent::token::Use;
use http::StatusCode;
use serde_json::{Value, json};

use crate::bench::{Bench, OPERATOR};
use crate::hostile::server::{Script, Server, Step, answer, send};
use crate::hostile::{extend, poke, tool, upstream};
use crate::journal::postgres;

const AGAIN: &str = r#"idempotency = { header = "X-Request-Key", window = "1h" }"#;

/// An enforcer with one tool `poke.x` whose upstream plays `scripts`.
async fn playing(effect: &str, limit: &str, more: &str, scripts: Vec<Script>) -> (Bench, Server) {
    let world = countersign_service::tasks::Tasks::new();
    let server = Server::start(&world, scripts).await;
    let address = server.address.to_string();
    let bench = Bench::start_with(|config| {
        let tools = tool("x", effect, limit, more);
        extend(config, &tools, vec![upstream("x", &address)]);
    })
    .await;
    (bench, server)
}

fn receipt(answer: &Value) -> Value {
    jws::peek(answer["receipt"].as_str().unwrap()).unwrap()
}

async fn eventually(mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..3_000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never came to hold");
}

async fn state(bench: &Bench) -> Value {
    bench.calls().await.remove(0)
}

#[tokio::test]
async fn late_answer_resolves_the_doubt_and_frees_the_resource() {
    let late = vec![Step::Read, Step::Gate, answer(200, r#"{"ok":true}"#)];
    let soon = vec![Step::Read, answer(200, "{}")];
    let (bench, server) = playing("service", "1s", "", vec![late, soon]).await;
    let doubtful = poke(&bench, "x").await;
    assert_eq!(doubtful["outcome"], "in_doubt");
    assert_eq!(receipt(&doubtful)["outcome"], "in_doubt");
    server.open_gate();
    eventually(async || state(&bench).await["state"] == "resolved").await;
    let call = state(&bench).await;
    assert_eq!(call["resolution"], "executed");
    let cause = call["cause"].as_str().unwrap();
    assert_eq!(cause, "late answer: the upstream answered 200");
    let receipt = receipt(&call);
    assert_eq!(receipt["outcome"], "resolved_executed");
    assert_eq!(receipt["status"], 200);
    assert_eq!(receipt["body_length"], 11);
    assert_eq!(poke(&bench, "x").await["outcome"], "done");
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn late_answer_of_a_gateway_or_a_broken_one_resolves_nothing() {
    for ending in [
        answer(504, "{}"),
        Step::Reset,
        send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"),
    ] {
        let name = format!("{ending:?}");
        let late = vec![Step::Read, Step::Gate, ending];
        let (bench, server) = playing("service", "300ms", "", vec![late]).await;
        let doubtful = poke(&bench, "x").await;
        assert_eq!(doubtful["outcome"], "in_doubt", "{name}");
        server.open_gate();
        eventually(async || server.closed() == 1).await;
        // Whatever the late answer recorded stands before this one.
        let (status, _) = bench.put_control(&bench.control(2, &json!([]))).await;
        assert_eq!(status, StatusCode::OK);
        let call = state(&bench).await;
        assert_eq!(call["state"], "in_doubt", "{name}");
        assert_eq!(call["attempt"], doubtful["attempt"]);
    }
}

#[tokio::test]
async fn nobody_listens_for_ever_to_a_call_in_doubt() {
    let (bench, server) = playing("service", "300ms", "", vec![vec![Step::Read, Step::Hang]]).await;
    assert_eq!(poke(&bench, "x").await["outcome"], "in_doubt");
    eventually(async || server.closed() == 1).await;
    assert_eq!(state(&bench).await["state"], "in_doubt");
}

#[tokio::test]
async fn shutdown_does_not_wait_for_late_answers() {
    let (bench, _server) = playing("service", "2s", "", vec![vec![Step::Read, Step::Hang]]).await;
    assert_eq!(poke(&bench, "x").await["outcome"], "in_doubt");
    let ended = bench.tasks.shutdown(Duration::from_mins(1)).await;
    assert_eq!(ended, countersign_service::tasks::Shutdown::Drained);
}

#[tokio::test]
async fn lost_call_is_sent_again_with_the_same_bytes_and_key() {
    let scripts = vec![
        vec![Step::Read, Step::Reset],
        vec![
            Step::Read,
            send("HTTP/1.1 200 OK\r\nContent-Le"),
            Step::Reset,
        ],
        vec![Step::Read, answer(200, r#"{"ok":true}"#)],
    ];
    let (bench, server) = playing("service", "20s", AGAIN, scripts).await;
    let body = poke(&bench, "x").await;
    assert_eq!(
        (&body["outcome"], &body["status"]),
        (&json!("done"), &json!(200))
    );
    assert_eq!(receipt(&body)["sends"], 3);
    let requests = server.requests();
    assert_eq!((server.connections(), requests.len()), (3, 3));
    assert!(requests.iter().all(|request| *request == requests[0]));
    let jti = receipt(&body)["jti"].as_str().unwrap().to_owned();
    for header in ["x-request-key", "idempotency-key"] {
        let line = format!("\r\n{header}: {jti}\r\n");
        assert!(requests[0].contains(&line), "{}", requests[0]);
    }
    let (_, ledger) = bench
        .ask("GET", "/v1/ledger/entries?limit=100", OPERATOR, None)
        .await;
    assert!(ledger.to_string().contains(r#"sends\":3"#), "{ledger}");
}

#[tokio::test]
async fn call_without_an_answer_in_time_is_sent_again_within_twice_its_time() {
    let scripts = vec![
        vec![Step::Read, Step::Hang],
        vec![Step::Read, answer(201, "{}")],
    ];
    let (bench, server) = playing("service", "1s", AGAIN, scripts).await;
    let body = poke(&bench, "x").await;
    assert_eq!(
        (&body["outcome"], &body["status"]),
        (&json!("done"), &json!(201))
    );
    assert_eq!(receipt(&body)["sends"], 2);
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn without_idempotency_a_lost_call_is_sent_once() {
    let scripts = vec![
        vec![Step::Read, Step::Reset],
        vec![Step::Read, answer(200, "{}")],
    ];
    let (bench, server) = playing("service", "20s", "", scripts).await;
    let body = poke(&bench, "x").await;
    assert_eq!(body["outcome"], "in_doubt");
    assert_eq!(receipt(&body).get("sends"), None);
    assert_eq!((server.connections(), server.requests().len()), (1, 1));
}

#[tokio::test]
async fn call_that_stays_lost_is_sent_three_times_and_no_more() {
    let (bench, server) =
        playing("service", "20s", AGAIN, vec![vec![Step::Read, Step::Reset]]).await;
    let body = poke(&bench, "x").await;
    assert_eq!(body["outcome"], "in_doubt");
    assert_eq!(receipt(&body)["sends"], 3);
    assert_eq!((server.connections(), server.requests().len()), (3, 3));
}

#[tokio::test]
async fn refusal_of_a_repeated_call_does_not_settle_the_first() {
    for status in [401, 403, 408, 409, 425, 429, 502, 503, 504] {
        let scripts = vec![
            vec![Step::Read, Step::Reset],
            vec![Step::Read, answer(status, "{}")],
        ];
        let (bench, server) = playing("service", "20s", AGAIN, scripts).await;
        let body = poke(&bench, "x").await;
        assert_eq!(body["outcome"], "in_doubt", "{status}");
        assert!(
            body["cause"]
                .as_str()
                .unwrap()
                .contains(&status.to_string()),
            "{body}"
        );
        assert_eq!(server.connections(), 3, "{status}");
    }
}

#[tokio::test]
async fn late_answer_to_the_first_send_still_settles_what_a_repeated_one_did_not() {
    let scripts = vec![
        vec![Step::Read, Step::Gate, answer(200, "{}")],
        vec![Step::Read, answer(409, "{}")],
    ];
    let (bench, server) = playing("service", "1s", AGAIN, scripts).await;
    let body = poke(&bench, "x").await;
    assert_eq!(body["outcome"], "in_doubt", "{body}");
    assert_eq!(server.requests().len(), 3);
    server.open_gate();
    eventually(async || state(&bench).await["state"] == "resolved").await;
    assert_eq!(state(&bench).await["resolution"], "executed");
}

#[tokio::test]
async fn answers_and_calls_that_were_never_sent_are_not_sent_again() {
    let (bench, server) = playing(
        "service",
        "20s",
        AGAIN,
        vec![vec![Step::Read, answer(504, "{}")]],
    )
    .await;
    assert_eq!(poke(&bench, "x").await["outcome"], "in_doubt");
    assert_eq!(server.connections(), 1);
    let bench = Bench::start_with(|config| {
        let tools = tool("x", "service", "20s", AGAIN);
        extend(config, &tools, vec![upstream("x", "127.0.0.1:1")]);
    })
    .await;
    let body = poke(&bench, "x").await;
    assert_eq!(body["outcome"], "not_sent");
    assert_eq!(receipt(&body).get("sends"), None);
}

#[tokio::test]
async fn outside_its_window_a_lost_call_is_not_sent_again() {
    let short = r#"idempotency = { header = "X-Request-Key", window = "1ms" }"#;
    let (bench, server) =
        playing("service", "20s", short, vec![vec![Step::Read, Step::Reset]]).await;
    assert_eq!(poke(&bench, "x").await["outcome"], "in_doubt");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn lost_call_is_not_sent_again_after_control_changed() {
    let scripts = vec![
        vec![Step::Read, Step::Gate, Step::Reset],
        vec![Step::Read, answer(200, "{}")],
    ];
    let (bench, server) = playing("service", "20s", AGAIN, scripts).await;
    let stopping = async {
        eventually(async || server.requests().len() == 1).await;
        let (status, _) = bench.put_control(&bench.control(2, &json!([]))).await;
        assert_eq!(status, StatusCode::OK);
        server.open_gate();
    };
    let (body, ()) = tokio::join!(poke(&bench, "x"), stopping);
    assert_eq!(body["outcome"], "in_doubt");
    assert_eq!(server.requests().len(), 1);
}

/// Both send the first time, and would the second time.
fn twice() -> Vec<Script> {
    vec![
        vec![Step::Read, Step::Gate, Step::Reset],
        vec![Step::Read, answer(200, "{}")],
    ]
}

#[tokio::test]
async fn lost_call_is_not_sent_again_while_the_authority_is_not_heard() {
    let (bench, server) = playing("service", "20s", AGAIN, twice()).await;
    let falling_silent = async {
        eventually(async || server.requests().len() == 1).await;
        bench.clock.advance(Duration::from_secs(6));
        server.open_gate();
    };
    let (body, ()) = tokio::join!(poke(&bench, "x"), falling_silent);
    assert_eq!(body["outcome"], "in_doubt");
    assert_eq!((server.connections(), server.requests().len()), (2, 1));
}

#[tokio::test]
async fn lost_call_that_another_process_gave_up_is_not_sent_again() {
    let given_up = [
        ("in_doubt", "state = 'in_doubt'"),
        (
            "resolved_not_executed",
            "state = 'resolved', resolution = 'not_executed'",
        ),
    ];
    for (outcome, change) in given_up {
        let world = countersign_service::tasks::Tasks::new();
        let server = Server::start(&world, twice()).await;
        let address = server.address.to_string();
        let url = postgres().database();
        let name = url.rsplit('/').next().unwrap().to_owned();
        let bench = Bench::start_with(|config| {
            config.database_url = url;
            let tools = tool("x", "service", "20s", AGAIN);
            extend(config, &tools, vec![upstream("x", &address)]);
        })
        .await;
        let giving_up = async {
            eventually(async || server.requests().len() == 1).await;
            postgres().sql(&name, &format!("UPDATE consumed SET {change}"));
            server.open_gate();
        };
        let (body, ()) = tokio::join!(poke(&bench, "x"), giving_up);
        assert_eq!(body["outcome"], outcome, "{body}");
        assert_eq!(server.requests().len(), 1, "{outcome}");
    }
}

#[tokio::test]
async fn late_refusal_of_a_call_that_was_sent_twice_settles_nothing() {
    for (status, settled) in [(409, false), (429, false), (503, false), (422, true)] {
        let late = vec![Step::Read, Step::Gate, answer(status, "{}")];
        let (bench, server) = playing("service", "500ms", AGAIN, vec![late]).await;
        let doubtful = poke(&bench, "x").await;
        assert_eq!(doubtful["outcome"], "in_doubt", "{status}");
        assert_eq!(receipt(&doubtful)["sends"], 2, "{status}");
        server.open_gate();
        server.open_gate();
        eventually(async || server.closed() == 2).await;
        // Whatever the late answer recorded stands before this one.
        let (told, _) = bench.put_control(&bench.control(2, &json!([]))).await;
        assert_eq!(told, StatusCode::OK);
        if settled {
            eventually(async || state(&bench).await["state"] == "resolved").await;
            assert_eq!(receipt(&state(&bench).await)["sends"], 2);
        } else {
            assert_eq!(state(&bench).await["state"], "in_doubt", "{status}");
        }
    }
}

#[tokio::test]
async fn read_with_a_token_for_one_call_is_sent_once_on_a_connection_of_its_own() {
    let good = vec![Step::Read, answer(200, "{}")];
    let kept = [good.clone(), vec![Step::Read, Step::Reset]].concat();
    let lost = vec![Step::Read, Step::Reset];
    let (bench, server) = playing("read", "20s", AGAIN, vec![kept, lost, good]).await;
    assert_eq!(poke(&bench, "x").await["outcome"], "done");
    let params = json!({"id": "x", "n": 1});
    let mut intent = bench.intent("poke.x", &params);
    intent.authorization_details[0].use_ = Use::Once;
    let (status, body) = bench.call(&bench.sign(&intent), "poke.x", &params).await;
    assert_eq!(
        (status, &body["outcome"]),
        (StatusCode::OK, &json!("in_doubt"))
    );
    assert_eq!((server.connections(), server.requests().len()), (2, 2));
    let once = &server.requests()[1];
    assert!(once.contains("\r\nconnection: close\r\n"), "{once}");
}

#[tokio::test]
async fn reads_share_a_connection_and_changes_never_do() {
    let kept: Script = [(); 3]
        .iter()
        .flat_map(|()| [Step::Read, answer(200, "{}")])
        .collect();
    let (bench, server) = playing("read", "20s", "", vec![kept.clone()]).await;
    for _ in 0..3 {
        assert_eq!(poke(&bench, "x").await["outcome"], "done");
    }
    assert_eq!((server.connections(), server.requests().len()), (1, 3));
    let (bench, server) = playing("service", "20s", "", vec![kept]).await;
    for _ in 0..3 {
        assert_eq!(poke(&bench, "x").await["outcome"], "done");
    }
    assert_eq!((server.connections(), server.requests().len()), (3, 3));
    for request in server.requests() {
        assert!(request.contains("\r\nconnection: close\r\n"), "{request}");
    }
}

#[tokio::test]
async fn read_on_a_connection_that_died_is_asked_again_once_on_a_fresh_one() {
    let good = vec![Step::Read, answer(200, "{}")];
    let dying = [good.clone(), vec![Step::Read, Step::Reset]].concat();
    let (bench, server) = playing("read", "20s", "", vec![dying.clone(), good.clone()]).await;
    for _ in 0..2 {
        assert_eq!(poke(&bench, "x").await["outcome"], "done");
    }
    assert_eq!((server.connections(), server.requests().len()), (2, 3));
    // The fresh one dies as well: that is an answer.
    let (bench, server) = playing(
        "read",
        "20s",
        "",
        vec![dying, vec![Step::Read, Step::Reset]],
    )
    .await;
    assert_eq!(poke(&bench, "x").await["outcome"], "done");
    assert_eq!(poke(&bench, "x").await["outcome"], "in_doubt");
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn read_that_was_answered_wrongly_or_not_at_all_is_not_asked_again() {
    let good = vec![Step::Read, answer(200, "{}")];
    for ending in [send("garbage\r\n\r\n"), Step::Hang] {
        let name = format!("{ending:?}");
        let script = [good.clone(), vec![Step::Read, ending]].concat();
        let (bench, server) = playing("read", "500ms", "", vec![script, good.clone()]).await;
        assert_eq!(poke(&bench, "x").await["outcome"], "done", "{name}");
        assert_eq!(poke(&bench, "x").await["outcome"], "in_doubt", "{name}");
        assert_eq!(server.connections(), 1, "{name}");
        // That connection is not used again.
        assert_eq!(poke(&bench, "x").await["outcome"], "done", "{name}");
        assert_eq!(server.connections(), 2, "{name}");
    }
}

#[tokio::test]
async fn reads_at_once_get_each_their_own_answer() {
    let (bench, server) = playing("read", "20s", "", vec![vec![Step::Echo]]).await;
    for _ in 0..4 {
        let reads = (0..16).map(|n| {
            let (bench, params) = (&bench, json!({"id": "x", "n": n}));
            async move {
                let token = bench.sign(&bench.intent("poke.x", &params));
                let (_, body) = bench.call(&token, "poke.x", &params).await;
                assert_eq!(body["result"], json!({"n": n}), "{body}");
            }
        });
        futures_util::future::join_all(reads).await;
    }
    assert_eq!(server.requests().len(), 64);
    assert!(server.connections() <= 16, "{}", server.connections());
}

#[tokio::test]
async fn kept_connection_that_nobody_uses_is_closed() {
    let script = vec![Step::Read, answer(200, "{}"), Step::Hang];
    let (bench, server) = playing("read", "20s", "", vec![script]).await;
    assert_eq!(poke(&bench, "x").await["outcome"], "done");
    eventually(async || server.closed() == 1).await;
}

#[tokio::test]
async fn connection_that_said_more_than_it_was_asked_is_not_used_again() {
    let two = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n2";
    let more = vec![Step::Read, send(two), Step::Hang];
    let good = vec![Step::Read, answer(200, "3")];
    let (bench, server) = playing("read", "20s", "", vec![more, good]).await;
    assert_eq!(poke(&bench, "x").await["result"], 1);
    assert_eq!(poke(&bench, "x").await["result"], 3);
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn time_limit_beyond_all_clocks_is_one_like_others() {
    let good = vec![Step::Read, answer(200, "{}")];
    for effect in ["service", "read"] {
        let (bench, _server) = playing(effect, "999999999999h", AGAIN, vec![good.clone()]).await;
        assert_eq!(poke(&bench, "x").await["outcome"], "done", "{effect}");
    }
}

/// Also run by the test below, in a process whose environment names proxies.
#[tokio::test]
async fn call_goes_straight_to_its_upstream() {
    for effect in ["service", "read"] {
        let (bench, server) =
            playing(effect, "20s", "", vec![vec![Step::Read, answer(200, "{}")]]).await;
        assert_eq!(poke(&bench, "x").await["outcome"], "done");
        assert!(server.requests()[0].starts_with("POST /v1/poke/x HTTP/1.1\r\n"));
    }
}

#[test]
fn proxies_of_the_environment_are_not_asked() {
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args([
        "--exact",
        "upstream_calls::call_goes_straight_to_its_upstream",
    ]);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        child.env(name, &address).env(name.to_lowercase(), &address);
    }
    let output = child.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}"
    );
    let asked = proxy.accept().map(drop).map_err(|error| error.kind());
    assert_eq!(asked, Err(std::io::ErrorKind::WouldBlock));
}
