//! F12: two enforcers race the same tokens.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use tokio::task::JoinSet;

use super::{Store, conclude, part_of};
use crate::harness::issuer::{Issuer, Ticket};
use crate::harness::solo::{Door, Site, Solo};
use crate::harness::upstream::Upstream;
use crate::harness::world::text;

const TASKS: usize = 8;
/// Tokens that are minted at once.
const AT_A_TIME: usize = 400;
/// Ceilings are for a minute of ordinary work; this is not.
const NO_CEILINGS: &str = "[ceilings]\nper_resource = 1000000\nper_tool = 1000000\n\
    per_agent = 1000000\ntenant = 1000000\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_enforcers_on_one_journal_send_each_token_once() {
    let store = Store::postgres();
    let (issuer, upstream) = (Issuer::start().await, Upstream::start().await);
    let database = store.database();
    let mut sites = Vec::new();
    let mut enforcers = Vec::new();
    for _ in 0..2 {
        let mut site = Site::new(&issuer, upstream.url());
        site.database.clone_from(&database);
        NO_CEILINGS.clone_into(&mut site.settings);
        enforcers.push(site.start().await);
        sites.push(site);
    }
    let count = part_of(200, 10_000);
    let ticket = |number: usize| issuer.scaling(&format!("svc-{number}"));
    let (tickets, heard) = race(&enforcers, count, ticket).await;
    let mut found = sent_once(&upstream, &tickets).await;
    for ticket in &tickets {
        let answers = &heard[&ticket.jti];
        let ran = answers.iter().filter(|one| one.as_str() == "200").count();
        let used = answers
            .iter()
            .filter(|one| one.as_str() == "409 token_used");
        if (ran, used.count()) != (1, TASKS - 1) {
            found.push(format!("`{}` was answered {answers:?}", ticket.jti));
        }
    }
    found.extend(recorded_once(&enforcers[0], &tickets).await);
    conclude("F12 postgres", &[(format!("{count} tokens"), found)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_enforcers_with_their_own_journals_take_their_own_tokens_alone() {
    let (issuer, upstream) = (Issuer::start().await, Upstream::start().await);
    let mut sites = Vec::new();
    let mut enforcers = Vec::new();
    for audience in ["enforcer-a", "enforcer-b"] {
        let mut site = Site::new(&issuer, upstream.url());
        audience.clone_into(&mut site.audience);
        NO_CEILINGS.clone_into(&mut site.settings);
        enforcers.push(site.start().await);
        sites.push(site);
    }
    let count = part_of(200, 10_000);
    let ticket = |number: usize| {
        let params = serde_json::json!({"service_id": format!("svc-{number}"), "replicas": 4});
        issuer.ticket("infra.scale", params, &sites[number % 2].audience)
    };
    let (tickets, heard) = race(&enforcers, count, ticket).await;
    let mut found = sent_once(&upstream, &tickets).await;
    for ticket in &tickets {
        let answers = &heard[&ticket.jti];
        let of = |said: &str| answers.iter().filter(|one| one.as_str() == said).count();
        let counted = (of("200"), of("409 token_used"), of("401 token_audience"));
        if counted != (1, TASKS / 2 - 1, TASKS / 2) {
            found.push(format!("`{}` was answered {answers:?}", ticket.jti));
        }
    }
    for (enforcer, own) in enforcers.iter().zip([0, 1]) {
        let mine: Vec<Ticket> = tickets.iter().skip(own).step_by(2).cloned().collect();
        found.extend(recorded_once(enforcer, &mine).await);
    }
    conclude("F12 sqlite", &[(format!("{count} tokens"), found)]);
}

/// What was heard of each token.
type Heard = BTreeMap<String, Vec<String>>;

/// Races `count` tickets, a few hundred at a time: they live five minutes.
async fn race(
    enforcers: &[Solo],
    count: usize,
    ticket: impl Fn(usize) -> Ticket,
) -> (Vec<Ticket>, Heard) {
    let (mut tickets, mut heard) = (Vec::new(), Heard::new());
    while tickets.len() < count {
        let from = tickets.len();
        let some: Vec<Ticket> = (from..count.min(from + AT_A_TIME)).map(&ticket).collect();
        heard.extend(race_these(enforcers, some.clone()).await);
        tickets.extend(some);
    }
    (tickets, heard)
}

/// Fires each ticket from every task, half of them at one enforcer and half at the other; gives what was
/// heard of each.
async fn race_these(enforcers: &[Solo], tickets: Vec<Ticket>) -> Heard {
    let tickets = Arc::new(tickets);
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let door: Door = Door::clone(&enforcers[task % enforcers.len()]);
        let tickets = Arc::clone(&tickets);
        tasks.spawn(async move {
            let mut heard = Vec::new();
            for ticket in tickets.iter() {
                let said = match door.call(ticket).await {
                    Some(answer) => {
                        let code = text(&answer.body, "/code").to_owned();
                        format!("{} {code}", answer.status).trim_end().to_owned()
                    }
                    None => "nothing".to_owned(),
                };
                heard.push((ticket.jti.clone(), said));
            }
            heard
        });
    }
    let mut heard = Heard::new();
    for (jti, said) in tasks.join_all().await.into_iter().flatten() {
        heard.entry(jti).or_default().push(said);
    }
    heard
}

/// The upstream saw each token once and nothing else.
async fn sent_once(upstream: &Upstream, tickets: &[Ticket]) -> Vec<String> {
    let mut sends = BTreeMap::<String, usize>::new();
    for request in upstream.log().await.requests {
        *sends.entry(text(&request, "/key").to_owned()).or_default() += 1;
    }
    let mut found: Vec<String> = tickets
        .iter()
        .filter_map(|ticket| match sends.remove(&ticket.jti).unwrap_or(0) {
            1 => None,
            count => Some(format!("`{}` was sent {count} times", ticket.jti)),
        })
        .collect();
    found.extend(sends.keys().map(|key| format!("`{key}` is of no token")));
    found
}

/// The ledger has one consume and one outcome record of each token and of nothing else.
async fn recorded_once(enforcer: &Solo, tickets: &[Ticket]) -> Vec<String> {
    let mut counts = BTreeMap::<(String, String), usize>::new();
    for record in enforcer.records().await {
        let record: Value = serde_json::from_str(&record).unwrap();
        if let Some(jti) = record.pointer("/body/jti").and_then(Value::as_str) {
            let kind = text(&record, "/kind").to_owned();
            *counts.entry((jti.to_owned(), kind)).or_default() += 1;
        }
    }
    let mut found = Vec::new();
    for ticket in tickets {
        for kind in ["consume", "outcome"] {
            let count = counts
                .remove(&(ticket.jti.clone(), kind.to_owned()))
                .unwrap_or(0);
            if count != 1 {
                found.push(format!("`{}` has {count} {kind} records", ticket.jti));
            }
        }
    }
    found.extend(
        counts
            .keys()
            .map(|key| format!("there is a record of {key:?}")),
    );
    found
}
