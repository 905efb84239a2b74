//! More than an enforcer can take (F20, I38): connections that do nothing or nearly nothing, every place in
//! work taken, and floods of bad tokens. It refuses before anything is spent, stays small, and recovers.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::harness::issuer::{AGENT, Issuer, Ticket};
use crate::harness::solo::{Door, Site, Solo};
use crate::harness::upstream::Upstream;
use crate::harness::world::text;
use crate::harness::{SOON, eventually};

/// Connections at once.
const CONNECTIONS: usize = 5_000;
/// How much memory an enforcer may hold, in KiB.
const MEMORY: u64 = 400 * 1024;
/// Time until everything works again.
const RECOVERY: Duration = Duration::from_secs(5);
/// Calls that may be in work at once.
const PLACES: usize = 512;
/// Ceilings that these tests do not reach.
const SETTINGS: &str = "[ceilings]\nper_tool = 1000000\nper_agent = 1000000\ntenant = 1000000\n";

/// An enforcer, its issuer and its upstream.
struct Stage {
    issuer: Issuer,
    upstream: Upstream,
    solo: Solo,
    _site: Site,
}

impl Stage {
    async fn set() -> Self {
        let (issuer, upstream) = (Issuer::start().await, Upstream::start().await);
        let mut site = Site::new(&issuer, upstream.url());
        site.settings.push_str(SETTINGS);
        let solo = site.start().await;
        Self {
            issuer,
            upstream,
            solo,
            _site: site,
        }
    }

    /// A ticket for scaling a service that no other call of this test scales.
    fn scaling(&self, number: u64) -> Ticket {
        self.issuer.scaling(&format!("svc-{number}"))
    }
}

/// Rounds, and how long each lasts: a short one unless everything is asked for.
fn rounds() -> (usize, Duration) {
    if std::env::var_os("COUNTERSIGN_FAULTS_FULL").is_some() {
        (3, Duration::from_secs(30))
    } else {
        (1, Duration::from_secs(4))
    }
}

/// Lets this process open as many files as these tests need.
fn many_files() {
    let now = getrlimit(Resource::Nofile);
    let wanted = 3 * CONNECTIONS as u64;
    if now.current.is_none_or(|current| current >= wanted) {
        return;
    }
    let maximum = now.maximum;
    assert!(
        maximum.is_none_or(|maximum| maximum >= wanted),
        "5,000 connections need `ulimit -Hn` to be at least {wanted}"
    );
    let raised = Rlimit {
        current: Some(wanted),
        maximum,
    };
    setrlimit(Resource::Nofile, raised).unwrap();
}

/// Opens a connection that says nothing, a head at a byte a second, or a body at a byte a second, and again
/// once the enforcer closes it.
async fn drip(address: SocketAddr, number: usize, end: Arc<AtomicBool>) {
    let head = format!(
        "POST /v1/calls HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {AGENT}\r\ncontent-length: 1000\r\n\r\n"
    );
    while !end.load(Ordering::Relaxed) {
        let Ok(mut stream) = TcpStream::connect(address).await else {
            tokio::time::sleep(Duration::from_millis(200)).await;
            continue;
        };
        let text: &[u8] = match number % 3 {
            0 => b"",
            1 => head.as_bytes(),
            _ => {
                let _ = stream.write_all(head.as_bytes()).await;
                b"{\"tool\":\"infra.get\",\"params\":{}}"
            }
        };
        let mut bytes = text.iter();
        let mut nothing = [0; 256];
        while !end.load(Ordering::Relaxed) {
            if let Some(byte) = bytes.next()
                && stream.write_all(&[*byte]).await.is_err()
            {
                break;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            match stream.try_read(&mut nothing) {
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                // Closed, or an answer before it is.
                Ok(_) | Err(_) => break,
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_idle_and_slow_connections_cost_little_and_calls_pass_them() {
    many_files();
    let stage = Stage::set().await;
    let mut number = 0;
    let (rounds, lasting) = rounds();
    for _ in 0..rounds {
        let end = Arc::new(AtomicBool::new(false));
        let mut dripping = JoinSet::new();
        for one in 0..CONNECTIONS {
            dripping.spawn(drip(stage.solo.address(), one, Arc::clone(&end)));
        }
        let (began, mut statuses, mut most) = (Instant::now(), BTreeMap::new(), 0);
        while began.elapsed() < lasting || statuses.values().sum::<u64>() < 5 {
            number += 1;
            let answer = stage.solo.call(&stage.scaling(number)).await;
            let status = answer.expect("every call is answered").status;
            assert!(matches!(status, 200 | 429 | 503), "{status}");
            *statuses.entry(status).or_insert(0) += 1;
            most = most.max(stage.solo.process.resident());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        eprintln!("beside {CONNECTIONS} connections: {statuses:?}, {most} KiB");
        assert!(statuses.contains_key(&200), "no call passed: {statuses:?}");
        assert!(most <= MEMORY, "{most} KiB");
        end.store(true, Ordering::Relaxed);
        dripping.shutdown().await;
        recovered(&stage, &mut number).await;
    }
}

/// Waits until calls are run again, one after the other.
async fn recovered(stage: &Stage, number: &mut u64) {
    eventually("calls are run again", RECOVERY, async || {
        *number += 1;
        let answer = stage.solo.call(&stage.scaling(*number)).await?;
        (answer.status == 200).then_some(())
    })
    .await;
    for _ in 0..10 {
        *number += 1;
        let answer = stage.solo.call(&stage.scaling(*number)).await.unwrap();
        answer.with(200);
    }
    assert_eq!(stage.solo.readiness().await, Some(200));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_every_place_taken_calls_are_refused_unspent_and_later_run() {
    const MORE: usize = 60;
    many_files();
    let stage = Stage::set().await;
    stage.upstream.mode("hang").await;
    let mut calls = JoinSet::new();
    let mut number = 0;
    for _ in 0..PLACES {
        number += 1;
        let (door, ticket) = (Door::clone(&stage.solo), stage.scaling(number));
        calls.spawn(async move { door.call(&ticket).await });
    }
    stage.upstream.reached(PLACES).await;
    let mut refused = Vec::new();
    for _ in 0..MORE {
        number += 1;
        let ticket = stage.scaling(number);
        let answer = stage.solo.call(&ticket).await.unwrap();
        answer.refused(503, "overload");
        refused.push(ticket);
    }
    assert_eq!(stage.solo.readiness().await, Some(200));
    stage.upstream.mode("answer").await;
    while let Some(answer) = calls.join_next().await {
        let body = answer.unwrap().unwrap().with(200);
        assert_eq!(text(&body, "/outcome"), "done");
    }
    // The refused tokens are as good as new.
    for ticket in &refused {
        stage.solo.call(ticket).await.unwrap().with(200);
    }
    assert_eq!(stage.upstream.count().await, PLACES + MORE);
}

/// A token whose signature is another token's.
fn forged(stage: &Stage, number: u64) -> Ticket {
    let (mut ticket, other) = (stage.scaling(number), stage.scaling(number));
    let (claims, _) = ticket.token.rsplit_once('.').unwrap();
    let (_, signature) = other.token.rsplit_once('.').unwrap();
    ticket.token = format!("{claims}.{signature}");
    ticket
}

/// Reads under a lease by `callers` at once, for a while; gives how many went well.
async fn reads(door: &Door, lease: &Ticket, callers: usize, lasting: Duration) -> u64 {
    let began = Instant::now();
    let mut reading = JoinSet::new();
    for _ in 0..callers {
        let (door, lease) = (door.clone(), lease.clone());
        reading.spawn(async move {
            let mut done = 0;
            while began.elapsed() < lasting {
                door.call(&lease).await.unwrap().with(200);
                done += 1;
            }
            done
        });
    }
    reading.join_all().await.into_iter().sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_bad_tokens_takes_no_more_than_half_from_good_calls() {
    let lasting = Duration::from_secs(2);
    let stage = Stage::set().await;
    let read = serde_json::json!({"service_id": "payments"});
    let lease = stage.issuer.ticket("infra.get", read, "enforcer");
    let bad: Vec<Ticket> = (0..16).map(|number| forged(&stage, number)).collect();
    let refused = Arc::new(AtomicU64::new(0));
    let mut pairs = Vec::new();
    // Other programs run beside this one: the best of three is what the enforcer can do.
    for _ in 0..3 {
        let calm = reads(&stage.solo, &lease, 4, lasting).await;
        let end = Arc::new(AtomicBool::new(false));
        let mut flood = JoinSet::new();
        for ticket in bad.clone() {
            let door = Door::clone(&stage.solo);
            let (end, refused) = (Arc::clone(&end), Arc::clone(&refused));
            flood.spawn(async move {
                while !end.load(Ordering::Relaxed) {
                    let answer = door.call(&ticket).await.unwrap();
                    let known = matches!(
                        (answer.status, text(&answer.body, "/code")),
                        (401, "token_signature") | (429, "too_many_requests")
                    );
                    assert!(known, "{answer:?}");
                    refused.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let flooded = reads(&stage.solo, &lease, 4, lasting).await;
        end.store(true, Ordering::Relaxed);
        flood.join_all().await;
        pairs.push((calm, flooded));
        if flooded * 2 >= calm {
            break;
        }
    }
    let memory = stage.solo.process.resident();
    let refused = refused.load(Ordering::Relaxed);
    eprintln!("good calls, calm and beside the flood: {pairs:?}; {refused} refused; {memory} KiB");
    assert!(
        pairs.iter().any(|(calm, flooded)| flooded * 2 >= *calm),
        "{pairs:?}"
    );
    assert!(memory <= MEMORY, "{memory} KiB");
    assert_eq!(
        stage.solo.calls().await,
        Vec::<Value>::new(),
        "nothing was spent"
    );
    // Each refusal is counted in a record, and there are few records.
    let records = eventually("every refusal is recorded", SOON, async || {
        let records: Vec<Value> = stage
            .solo
            .records()
            .await
            .iter()
            .map(|record| serde_json::from_str(record).unwrap())
            .filter(|record: &Value| record["kind"] == "refuse")
            .collect();
        (records.iter().map(counted).sum::<u64>() == refused).then_some(records)
    })
    .await;
    assert!(records.len() <= 60, "{} records", records.len());
}

/// How many refusals a record counts.
fn counted(record: &Value) -> u64 {
    let kinds = record["body"]["refused"].as_array().unwrap().iter();
    let others = record["body"]["others"].as_object().unwrap().values();
    kinds
        .map(|kind| &kind["count"])
        .chain(others)
        .map(|count| count.as_u64().unwrap())
        .sum()
}
