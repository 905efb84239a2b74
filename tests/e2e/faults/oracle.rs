//! What the upstream saw against what the records say.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::load::Fired;
use crate::harness::command;
use crate::harness::forge;
use crate::harness::issuer::{Issuer, Ticket};
use crate::harness::solo::Solo;
use crate::harness::upstream::{Log, Upstream};
use crate::harness::world::text;

/// States in which nothing happens any more without an operator.
const SETTLED: [&str; 4] = ["not_sent", "done", "in_doubt", "resolved"];

/// Compares everything there is; gives what does not hold. `folder` is for the exported records.
pub(crate) async fn findings(
    issuer: &Issuer,
    upstream: &Upstream,
    solo: &Solo,
    fired: &[Fired],
    folder: &Path,
) -> Vec<String> {
    let mut found = Vec::new();
    let (calls, records) = (by_jti(solo.calls().await), solo.records().await);
    let parsed: Vec<Value> = records
        .iter()
        .map(|record| serde_json::from_str(record).unwrap())
        .collect();
    let consumes = of_kind(&parsed, "consume");
    let outcomes = of_kind(&parsed, "outcome");
    let tickets: BTreeMap<&str, &Ticket> = fired
        .iter()
        .map(|one| (one.ticket.jti.as_str(), &one.ticket))
        .collect();
    let sends = sends(&mut found, &upstream.log().await, &tickets, &consumes);
    states(&mut found, &calls, &consumes, &outcomes, &sends);
    for one in fired {
        answers(&mut found, one, &calls, &sends);
    }
    told(&mut found, &issuer.receipts(), &calls, &sends);
    found.extend(verified(issuer, solo, &records, folder).await);
    found
}

type ByJti<'a> = BTreeMap<String, Vec<&'a Value>>;

fn by_jti(calls: Vec<Value>) -> BTreeMap<String, Value> {
    calls
        .into_iter()
        .map(|call| (text(&call, "/jti").to_owned(), call))
        .collect()
}

/// The bodies of the records of a kind, by token.
fn of_kind<'a>(records: &'a [Value], kind: &str) -> ByJti<'a> {
    let mut found = ByJti::new();
    for record in records.iter().filter(|record| record["kind"] == kind) {
        let jti = text(record, "/body/jti").to_owned();
        found.entry(jti).or_default().push(&record["body"]);
    }
    found
}

/// Each request at the upstream is that of a token, the only one, as it was approved, and recorded.
fn sends(
    found: &mut Vec<String>,
    log: &Log,
    tickets: &BTreeMap<&str, &Ticket>,
    consumes: &ByJti<'_>,
) -> BTreeMap<String, usize> {
    let mut sends = BTreeMap::<String, usize>::new();
    for request in &log.requests {
        let key = text(request, "/key").to_owned();
        *sends.entry(key.clone()).or_default() += 1;
        let Some(ticket) = tickets.get(key.as_str()) else {
            found.push(format!(
                "a request at the upstream is of no token: {request}"
            ));
            continue;
        };
        let came = ["method", "path", "body_sha256"].map(|name| request[name].as_str());
        if came != ticket.wire.each_ref().map(|part| Some(part.as_str())) {
            found.push(format!("`{key}` is not what was approved: {request}"));
        }
        match consumes.get(&key).map(Vec::as_slice) {
            Some([record]) => {
                let same = record["params_sha256"] == ticket.params_sha256
                    && record["request_sha256"] == ticket.request_sha256
                    && record["token"] == ticket.token;
                if !same {
                    found.push(format!(
                        "the record of `{key}` is of another call: {record}"
                    ));
                }
            }
            Some(records) => found.push(format!("`{key}` has {} consume records", records.len())),
            None => found.push(format!("`{key}` was sent without a consume record")),
        }
    }
    for (key, count) in &sends {
        if *count != 1 {
            found.push(format!("`{key}` was sent {count} times"));
        }
    }
    sends
}

/// Each spent token is in one settled state, which its records and the upstream bear out.
fn states(
    found: &mut Vec<String>,
    calls: &BTreeMap<String, Value>,
    consumes: &ByJti<'_>,
    outcomes: &ByJti<'_>,
    sends: &BTreeMap<String, usize>,
) {
    for jti in consumes.keys().filter(|jti| !calls.contains_key(*jti)) {
        found.push(format!("`{jti}` has a consume record and no state"));
    }
    for (jti, call) in calls {
        let (state, sent) = (text(call, "/state"), sends.contains_key(jti));
        if !SETTLED.contains(&state) {
            found.push(format!("`{jti}` is still {state}"));
        }
        if !consumes.contains_key(jti) {
            found.push(format!("`{jti}` is {state} without a consume record"));
        }
        if outcomes.get(jti).map_or(0, Vec::len) != 1 {
            found.push(format!(
                "`{jti}` is {state} without exactly one outcome record"
            ));
        }
        match state {
            "not_sent" if sent => {
                found.push(format!("`{jti}` was sent and is recorded as not sent"));
            }
            "done" if !sent => found.push(format!("`{jti}` is done and was never sent")),
            _ => {}
        }
    }
}

/// What a caller heard is what is recorded.
fn answers(
    found: &mut Vec<String>,
    fired: &Fired,
    calls: &BTreeMap<String, Value>,
    sends: &BTreeMap<String, usize>,
) {
    let jti = &fired.ticket.jti;
    let ran = fired.heard.iter().flatten().filter(|one| one.status == 200);
    if ran.clone().count() > 1 {
        found.push(format!("`{jti}` was answered as run twice"));
    }
    for answer in ran {
        let Some(call) = calls.get(jti) else {
            found.push(format!("`{jti}` was answered and nothing is recorded"));
            continue;
        };
        let outcome = text(&answer.body, "/outcome");
        let state = text(call, "/state");
        let resolved = state == "resolved" && outcome == "in_doubt";
        if outcome != state && !resolved {
            found.push(format!("`{jti}` was answered as {outcome} and is {state}"));
        }
        let receipt = answer.body["receipt"].as_str().unwrap_or_default();
        if receipt.is_empty() || (!resolved && call["receipt"] != receipt) {
            found.push(format!("the receipt of `{jti}` is not the recorded one"));
        }
    }
    let refused = fired.heard.iter().flatten().all(|one| one.status != 200);
    let all_heard = fired.heard.iter().all(Option::is_some);
    let unspent = |answer: &str| {
        !matches!(
            answer,
            "token_used" | "consume_unknown" | "outcome_unrecorded"
        )
    };
    let codes: Vec<&str> = fired
        .heard
        .iter()
        .flatten()
        .map(|one| text(&one.body, "/code"))
        .collect();
    if all_heard && refused && codes.iter().all(|code| unspent(code)) && sends.contains_key(jti) {
        found.push(format!("`{jti}` was refused ({codes:?}) and sent"));
    }
}

/// What the authority was told is what is recorded.
fn told(
    found: &mut Vec<String>,
    receipts: &[String],
    calls: &BTreeMap<String, Value>,
    sends: &BTreeMap<String, usize>,
) {
    for receipt in receipts {
        let said = forge::claims(receipt);
        let jti = text(&said, "/jti");
        // Other cases have the same authority.
        let Some(call) = calls.get(jti) else { continue };
        let (outcome, state) = (text(&said, "/outcome"), text(call, "/state"));
        let agree = match outcome {
            "done" => state == "done" && sends.contains_key(jti),
            "not_sent" => state == "not_sent" && !sends.contains_key(jti),
            "in_doubt" => state == "in_doubt" || state == "resolved",
            _ => state == "resolved",
        };
        if !agree {
            found.push(format!(
                "the authority was told {outcome} of `{jti}`, which is {state}"
            ));
        }
    }
}

/// What the offline verifier says of the exported records, with pinned keys.
async fn verified(issuer: &Issuer, solo: &Solo, records: &[String], folder: &Path) -> Vec<String> {
    let folder = folder.join("export");
    std::fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, text: String| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    write("records-enforcer.jsonl", records.join("\n") + "\n");
    let intent = write("intent.jwks", issuer.jwks().to_string());
    let receipt = write("receipt.jwks", solo.jwks().await.to_string());
    let arguments = ["audit", "verify", folder.to_str().unwrap()];
    let arguments = [&arguments[..], &["--key", &intent, "--key", &receipt]].concat();
    let ended = command::run(&arguments, &folder);
    if ended.code == 0 {
        return Vec::new();
    }
    vec![format!(
        "`audit verify` says {}: {}{}",
        ended.code, ended.stdout, ended.stderr
    )]
}

/// An oracle that sees nothing would pass everything.
#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ticket() -> Ticket {
        Ticket {
            jti: "one".to_owned(),
            token: "token".to_owned(),
            tool: "infra.scale".to_owned(),
            params: Value::Null,
            params_sha256: "p".to_owned(),
            request_sha256: "r".to_owned(),
            wire: ["POST", "/scale", "b"].map(str::to_owned),
        }
    }

    /// What the oracle says of these requests when the token `one` was recorded so often.
    fn seen(requests: &[Value], records: usize) -> Vec<String> {
        let ticket = ticket();
        let tickets = BTreeMap::from([("one", &ticket)]);
        let record = json!({"params_sha256": "p", "request_sha256": "r", "token": "token"});
        let mut consumes = ByJti::new();
        if records > 0 {
            consumes.insert("one".to_owned(), vec![&record; records]);
        }
        let log = Log {
            connections: 0,
            requests: requests.to_vec(),
        };
        let mut found = Vec::new();
        sends(&mut found, &log, &tickets, &consumes);
        found
    }

    fn request(path: &str) -> Value {
        json!({"key": "one", "method": "POST", "path": path, "body_sha256": "b"})
    }

    #[test]
    fn a_send_as_it_was_approved_and_recorded_is_no_finding() {
        assert_eq!(seen(&[request("/scale")], 1), Vec::<String>::new());
        assert_eq!(seen(&[], 0), Vec::<String>::new());
    }

    #[test]
    fn a_second_send_an_unrecorded_one_and_another_one_are_findings() {
        let twice = [request("/scale"), request("/scale")];
        assert!(seen(&twice, 1)[0].contains("2 times"));
        assert!(seen(&[request("/scale")], 0)[0].contains("without a consume record"));
        assert!(seen(&[request("/scale")], 2)[0].contains("2 consume records"));
        assert!(seen(&[request("/other")], 1)[0].contains("not what was approved"));
        let stranger = json!({"key": "two", "method": "POST", "path": "/scale"});
        assert!(seen(&[stranger], 0)[0].contains("of no token"));
    }

    #[test]
    fn states_without_a_record_or_against_the_upstream_are_findings() {
        let said = |state: &str, sent: usize, records: bool| {
            let call = json!({"jti": "one", "state": state});
            let calls = BTreeMap::from([("one".to_owned(), call)]);
            let body = Value::Null;
            let one = ByJti::from([("one".to_owned(), vec![&body])]);
            let records = if records { one } else { ByJti::new() };
            let sends = (0..sent).map(|_| ("one".to_owned(), sent)).collect();
            let mut found = Vec::new();
            states(&mut found, &calls, &records, &records, &sends);
            found.len()
        };
        assert_eq!(said("done", 1, true), 0);
        assert_eq!(said("not_sent", 0, true), 0);
        assert_eq!(said("in_doubt", 1, true), 0);
        assert_eq!(said("done", 0, true), 1);
        assert_eq!(said("not_sent", 1, true), 1);
        assert_eq!(said("consumed", 1, true), 1);
        assert_eq!(said("done", 1, false), 2);
    }
}
