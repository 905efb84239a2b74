//! Hostile upstreams (F7): whatever they do, each call is called by its right name, sent as often as it
//! may be, over in time and in bounded memory.

mod cases;
pub(crate) mod server;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use countersign_enforcer::{Config, Upstream};
use countersign_service::credential::SecretKey;
use countersign_service::tasks::Tasks;
use http::StatusCode;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use self::cases::{Case, Expected, Place, Shown};
use self::server::{Server, Step, answer};
use crate::bench::{Bench, CREDENTIAL};

/// No case takes longer than its own time limit and this.
const PATIENCE: Duration = Duration::from_mins(1);

/// A tool for calls to the upstream `name`.
pub(crate) fn tool(name: &str, effect: &str, limit: &str, more: &str) -> String {
    let mut text = String::new();
    write!(
        text,
        r#"
[[tool]]
name = "poke.{name}"
description = "Poke the upstream {name}"
effect = "{effect}"
resource = {{ type = "Service", param = "id" }}
upstream = "{name}"
request = {{ method = "POST", path = "/v1/poke/{{id}}", body = {{ n = "{{n}}" }} }}
timeout = "{limit}"
{more}
[tool.params]
type = "object"
required = ["id", "n"]
[tool.params.properties.id]
type = "string"
[tool.params.properties.n]
type = "integer"
"#
    )
    .unwrap();
    text
}

/// An upstream at `address` with the credential.
pub(crate) fn upstream(name: &str, address: &str) -> Upstream {
    Upstream {
        credential: Some(SecretKey::from_text(CREDENTIAL)),
        ..Upstream::new(name, format!("http://{address}").parse().unwrap())
    }
}

/// Adds `tools` to the catalogue and `upstreams` to the configuration.
pub(crate) fn extend(config: &mut Config, tools: &str, upstreams: Vec<Upstream>) {
    std::fs::write(config.policies.join("tools/more.toml"), tools).unwrap();
    config.upstreams.extend(upstreams);
}

/// Calls `poke.NAME` once.
pub(crate) async fn poke(bench: &Bench, name: &str) -> Value {
    let (tool, params) = (format!("poke.{name}"), json!({"id": name, "n": 1}));
    let token = bench.sign(&bench.intent(&tool, &params));
    let (status, body) = bench.call(&token, &tool, &params).await;
    assert_eq!(status, StatusCode::OK, "{name}: {body}");
    body
}

/// A case with everything that it holds open.
struct Stage {
    case: Case,
    server: Server,
    upstream: Upstream,
    _held: Held,
}

/// Sockets that must stay open.
type Held = (Option<TcpListener>, Vec<TcpStream>);

async fn stage(tasks: &Tasks, case: Case) -> Stage {
    let address = match case.place {
        Place::Six => "[::1]:0",
        Place::Here | Place::At(..) | Place::Nowhere | Place::Unaccepted | Place::Full => {
            "127.0.0.1:0"
        }
    };
    let mut held = Held::default();
    let server = match case.place {
        Place::Here | Place::Six | Place::At(..) => {
            Server::listen(address, tasks, vec![case.script.clone()]).await
        }
        Place::Nowhere => {
            let listener = TcpListener::bind(address).await.unwrap();
            Server::counting(listener.local_addr().unwrap())
        }
        Place::Unaccepted => {
            let listener = TcpListener::bind(address).await.unwrap();
            let address = listener.local_addr().unwrap();
            held.0 = Some(listener);
            Server::counting(address)
        }
        Place::Full => {
            let socket = TcpSocket::new_v4().unwrap();
            socket.bind(address.parse().unwrap()).unwrap();
            let listener = socket.listen(1).unwrap();
            let address = listener.local_addr().unwrap();
            // Until the kernel lets no more wait.
            let wait = Duration::from_millis(300);
            while let Ok(stream) = tokio::time::timeout(wait, TcpStream::connect(address)).await {
                held.1.push(stream.unwrap());
            }
            held.0 = Some(listener);
            Server::counting(address)
        }
    };
    let upstream = match case.place {
        Place::At(place, range) => Upstream {
            allowed: vec![range.parse().unwrap()],
            ..upstream(
                case.name,
                &place.replace("PORT", &server.address.port().to_string()),
            )
        },
        Place::Here | Place::Six | Place::Nowhere | Place::Unaccepted | Place::Full => {
            upstream(case.name, &server.address.to_string())
        }
    };
    Stage {
        case,
        server,
        upstream,
        _held: held,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_upstreams_get_each_call_its_right_name_and_no_second_send() {
    let world = Tasks::new();
    let witness = Server::start(&world, vec![vec![Step::Read, answer(200, "{}")]]).await;
    let mut stages = Vec::new();
    for case in cases::all(&witness.address.to_string()) {
        stages.push(stage(&world, case).await);
    }
    assert!(stages.len() >= 40, "{} cases", stages.len());
    let bench = Bench::start_with(|config| {
        let tool = |stage: &Stage| tool(stage.case.name, "service", stage.case.limit, "");
        let tools: String = stages.iter().map(tool).collect();
        let upstreams = stages.iter().map(|stage| stage.upstream.clone()).collect();
        extend(config, &tools, upstreams);
    })
    .await;

    let before = peak_memory();
    let calls = stages.iter().map(|stage| async {
        let called = tokio::time::timeout(PATIENCE, poke(&bench, stage.case.name)).await;
        (stage.case.name, called.unwrap_or(Value::Null))
    });
    let answers: BTreeMap<&str, Value> = futures_util::future::join_all(calls)
        .await
        .into_iter()
        .collect();
    let grown = peak_memory().saturating_sub(before);

    let journal = bench.calls().await;
    for stage in &stages {
        let answer = &answers[stage.case.name];
        check(stage, answer);
        let row = journal
            .iter()
            .find(|row| row["attempt"] == answer["attempt"]);
        let state = row.unwrap()["state"].as_str().unwrap();
        let late = answer["outcome"] == "in_doubt" && state == "resolved";
        assert!(
            late || answer["outcome"] == state,
            "{}: {state}",
            stage.case.name
        );
    }
    assert_eq!(witness.connections(), 0, "a redirect was followed");
    assert!(!format!("{answers:?} {journal:?}").contains(CREDENTIAL));
    // Four of them send 100 MiB each.
    assert!(grown < 192 << 20, "{} MiB", grown >> 20);
}

/// Compares what became of a case with what must.
fn check(stage: &Stage, answer: &Value) {
    let case = &stage.case;
    let name = case.name;
    let outcome = &answer["outcome"];
    match &case.expected {
        Expected::NotSent => assert_eq!(outcome, "not_sent", "{name}: {answer}"),
        Expected::InDoubt => {
            assert_eq!(outcome, "in_doubt", "{name}: {answer}");
            assert!(answer["cause"].is_string(), "{name}: {answer}");
        }
        Expected::Done(status, shown) => {
            assert_eq!(
                (outcome, &answer["status"]),
                (&json!("done"), &json!(status)),
                "{name}: {answer}"
            );
            let result = &answer["result"];
            match shown {
                Shown::Exactly(value) => assert_eq!(result, value, "{name}"),
                Shown::Holding(part) => {
                    assert!(
                        result.to_string().contains(&escaped(part)),
                        "{name}: {result}"
                    );
                }
            }
        }
    }
    assert_eq!(stage.server.connections(), case.connections, "{name}");
    let requests = stage.server.requests();
    assert_eq!(requests.len(), case.requests, "{name}");
    for request in requests {
        let line = format!("POST /v1/poke/{name} HTTP/1.1\r\n");
        assert!(request.starts_with(&line), "{name}: {request}");
        assert!(request.ends_with("\r\n\r\n{\"n\":1}"), "{name}: {request}");
    }
}

/// `part` as it stands in JSON text.
fn escaped(part: &str) -> String {
    let quoted = json!(part).to_string();
    quoted.trim_matches('"').to_owned()
}

/// The most memory that this process ever had, in bytes.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib: u64 = line
        .unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    kib * 1024
}
