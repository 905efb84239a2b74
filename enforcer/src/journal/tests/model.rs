//! Batches against a model that does one operation after another, in random interleavings: the answers
//! and what is stored afterwards must be the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_intent::id::{AttemptId, IntentId, TenantId};
use countersign_intent::refusal::RefusalCode;
use countersign_intent::tool::Effect;
use countersign_ledger::Kind;
use countersign_service::database::Engine;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use super::desk::{Ask, Desk};
use crate::approved::Approved;
use crate::execution::{Event, Resolution, State};
use crate::journal::operation::{Answer, Note, Operation};
use crate::journal::settle::{Settle, SettleError};
use crate::journal::spend::Spend;
use crate::journal::store::calls;
use crate::journal::words::{Weight, Word, weigh};
use crate::journal::writer::Writer;

/// Tokens that one case plays with, by tool, target and step.
const TOKENS: [(&str, &str, &str); 9] = [
    ("infra.scale", "a", "s1"),
    ("infra.scale", "a", "s2"),
    ("infra.scale", "b", "s3"),
    ("infra.shutdown", "a", "s4"),
    ("infra.shutdown", "b", "s4"),
    ("infra.shutdown", "b", "s5"),
    ("data.wipe", "c", "s5"),
    ("infra.get", "a", "s6"),
    ("infra.get", "a", "s7"),
];

/// One operation, on the token of this number.
#[derive(Clone, Copy, Debug)]
enum Step {
    Spend(usize),
    Settle(usize, Event),
    /// Of an attempt that never was.
    Stray(usize),
    Word(usize, bool, Resolution),
    LookUp(usize),
    Note,
}

fn step() -> impl Strategy<Value = Step> {
    let token = 0..TOKENS.len();
    let event = prop_oneof![
        2 => Just(Event::NothingWritten),
        4 => Just(Event::Answered(200)),
        3 => Just(Event::Lost),
        1 => Just(Event::Answered(504)),
    ];
    let resolution = prop_oneof![Just(Resolution::Executed), Just(Resolution::NotExecuted)];
    prop_oneof![
        6 => token.clone().prop_map(Step::Spend),
        5 => (token.clone(), event).prop_map(|(token, event)| Step::Settle(token, event)),
        1 => token.clone().prop_map(Step::Stray),
        3 => (token.clone(), any::<bool>(), resolution)
            .prop_map(|(token, ann, resolution)| Step::Word(token, ann, resolution)),
        2 => token.prop_map(Step::LookUp),
        1 => Just(Step::Note),
    ]
}

/// What an operation came to, as far as it can be compared.
#[derive(Debug, PartialEq, Eq)]
enum Came {
    Spent,
    Refused(RefusalCode, Option<AttemptId>),
    Settled(State),
    Waits,
    Differs,
    NoTransition(State),
    Unknown,
    Found(Option<(AttemptId, State)>),
    Noted,
}

#[derive(Clone, Debug)]
struct Known {
    attempt: AttemptId,
    state: State,
    words: Vec<Word>,
}

/// The journal as it should be.
#[derive(Debug, Default)]
struct Model {
    calls: BTreeMap<usize, Known>,
    records: usize,
}

impl Model {
    fn spend(&mut self, tokens: &[Arc<Approved>], token: usize, attempt: &AttemptId) -> Came {
        if let Some(earlier) = self.calls.get(&token) {
            return Came::Refused(RefusalCode::TokenUsed, Some(earlier.attempt.clone()));
        }
        let wanted = &tokens[token];
        let (mut ran, mut held) = (None, None);
        for (other, known) in &self.calls {
            let call = &tokens[*other];
            let same_step = call.intent().plan == wanted.intent().plan
                && call.intent().step == wanted.intent().step;
            if irrevocable(wanted.effect)
                && irrevocable(call.effect)
                && same_step
                && known.state.may_have_run()
            {
                ran = Some(known.attempt.clone());
            }
            if wanted.effect != Effect::Read
                && call.effect != Effect::Read
                && call.resource == wanted.resource
                && known.state.holds_lock()
            {
                held = Some(known.attempt.clone());
            }
        }
        if ran.is_some() {
            return Came::Refused(RefusalCode::TokenUsed, ran);
        }
        if held.is_some() {
            return Came::Refused(RefusalCode::Overload, held);
        }
        let known = Known {
            attempt: attempt.clone(),
            state: State::Consumed,
            words: Vec::new(),
        };
        self.calls.insert(token, known);
        self.records += 1;
        Came::Spent
    }

    fn settle(&mut self, token: usize, event: Event) -> Came {
        let Some(known) = self.calls.get_mut(&token) else {
            return Came::Unknown;
        };
        match known.state.on(event) {
            Ok(next) => {
                known.state = next;
                self.records += 1;
                Came::Settled(next)
            }
            Err(error) => Came::NoTransition(error.state),
        }
    }

    fn word(&mut self, effect: Effect, token: usize, word: &Word) -> Came {
        let Some(known) = self.calls.get_mut(&token) else {
            return Came::Unknown;
        };
        if let Err(error) = known.state.on(Event::Settled(word.resolution)) {
            return Came::NoTransition(error.state);
        }
        let weight = weigh(effect, word, &known.words);
        if let Weight::Differs(_) = weight {
            return Came::Differs;
        }
        known.words.retain(|other| other.by != word.by);
        known.words.push(word.clone());
        self.records += 1;
        if weight == Weight::Waits {
            return Came::Waits;
        }
        known.state = State::Resolved(word.resolution);
        Came::Settled(known.state)
    }
}

fn irrevocable(effect: Effect) -> bool {
    matches!(effect, Effect::Destructive | Effect::Data)
}

fn came(answer: Answer) -> Came {
    match answer {
        Answer::Spend(Ok(_)) => Came::Spent,
        Answer::Spend(Err(refusal)) => {
            let named = refusal
                .message
                .split('`')
                .find_map(|word| word.parse().ok());
            Came::Refused(refusal.code, named)
        }
        Answer::Settle(Ok(settled)) if settled.moved() => {
            assert!(settled.call.receipt.is_some());
            Came::Settled(settled.call.state)
        }
        Answer::Settle(Ok(_)) => Came::Waits,
        Answer::Settle(Err(SettleError::Differs(_))) => Came::Differs,
        Answer::Settle(Err(SettleError::NoTransition(state))) => Came::NoTransition(state),
        Answer::Settle(Err(SettleError::Unknown)) => Came::Unknown,
        Answer::Settle(Err(SettleError::Unrecorded)) => panic!("unrecorded"),
        Answer::LookUp(call) => {
            let found = call.map(|call| {
                assert_eq!(call.receipt.is_some(), call.state != State::Consumed);
                (call.attempt.clone(), call.state)
            });
            Came::Found(found)
        }
        Answer::Note => Came::Noted,
        Answer::Control(_) | Answer::Posted => panic!("not asked for"),
    }
}

/// The operation, and what the model says that it comes to.
fn ask(desk: &Desk, tokens: &[Arc<Approved>], model: &mut Model, step: Step) -> (Operation, Came) {
    let settle = |settle: Settle| Operation::Settle {
        settle: Box::new(settle),
        reply: None,
    };
    let jti = |token: usize| -> IntentId { tokens[token].intent().jti.clone() };
    let attempt = || AttemptId::mint(desk.clock.now(), desk.random.bytes());
    let current = |model: &Model, token: usize| {
        let known = model.calls.get(&token);
        known.map_or_else(attempt, |known| known.attempt.clone())
    };
    match step {
        Step::Spend(token) => {
            let attempt = attempt();
            let came = model.spend(tokens, token, &attempt);
            let spend = Box::new(Spend::new(Arc::clone(&tokens[token]), attempt));
            let (reply, _) = oneshot::channel();
            (Operation::Spend { spend, reply }, came)
        }
        Step::Settle(token, event) => {
            let attempt = current(model, token);
            let came = model.settle(token, event);
            (settle(Settle::of(&jti(token), &attempt, event)), came)
        }
        Step::Stray(token) => {
            let stray = Settle::of(&jti(token), &attempt(), Event::Answered(200));
            (settle(stray), Came::Unknown)
        }
        Step::Word(token, ann, resolution) => {
            let word = Word {
                by: if ann { "ann" } else { "ben" }.parse().unwrap(),
                resolution,
                evidence: "seen".to_owned(),
                reason: "known".to_owned(),
                at: desk.clock.now(),
            };
            let attempt = current(model, token);
            let came = model.word(tokens[token].effect, token, &word);
            let event = Event::Settled(resolution);
            let said = Settle::of(&jti(token), &attempt, event).on_word_of(word);
            (settle(said), came)
        }
        Step::LookUp(token) => {
            let known = model.calls.get(&token);
            let found = known.map(|known| (known.attempt.clone(), known.state));
            let (reply, _) = oneshot::channel();
            let jti = jti(token);
            (Operation::LookUp { jti, reply }, Came::Found(found))
        }
        Step::Note => {
            model.records += 1;
            let note = Note {
                kind: Kind::Refuse,
                at: desk.clock.now(),
                body: json!({ "refused": [] }),
                receipts: Vec::new(),
            };
            let (reply, _) = oneshot::channel();
            let note = Box::new(note);
            (Operation::Note { note, reply }, Came::Noted)
        }
    }
}

async fn play(desk: &Desk, writer: &mut Writer, batches: &[Vec<Step>]) {
    let plan = desk.plan();
    let tokens: Vec<Arc<Approved>> = TOKENS
        .iter()
        .map(|(tool, target, step)| {
            desk.approved(&Ask {
                tool,
                // Other cases do not meet these targets.
                target: format!("{target}-{plan}"),
                plan: plan.clone(),
                step: (*step).to_owned(),
            })
        })
        .collect();
    let shared = Arc::clone(&writer.shared);
    let size = async || {
        let mut connection = shared.database.read().acquire().await.unwrap();
        shared.ledger.size(&mut connection).await.unwrap()
    };
    let before = size().await;
    let mut model = Model::default();
    for batch in batches {
        let (operations, expected): (Vec<_>, Vec<_>) = batch
            .iter()
            .map(|step| ask(desk, &tokens, &mut model, *step))
            .unzip();
        let answers = writer.committer.commit(&operations).await.unwrap();
        let found: Vec<Came> = answers.into_iter().map(came).collect();
        assert_eq!(found, expected, "{batch:?}");
    }
    for (token, approved) in tokens.iter().enumerate() {
        let jti = &approved.intent().jti;
        let stored = calls::by_jti(shared.database.read(), &TenantId::single(), jti)
            .await
            .unwrap();
        let stored = stored.map(|call| (call.attempt, call.state));
        let known = model.calls.get(&token);
        let known = known.map(|known| (known.attempt.clone(), known.state));
        assert_eq!(stored, known);
    }
    assert_eq!(size().await - before, u64::try_from(model.records).unwrap());
}

fn compare(engine: Engine, cases: u32) {
    let runtime = Runtime::new().unwrap();
    let desk = Desk::new(engine);
    let writer = runtime.block_on(desk.open()).1;
    let writer = std::cell::RefCell::new(writer);
    let batches = prop::collection::vec(prop::collection::vec(step(), 1..14), 1..6);
    TestRunner::new(Config::with_cases(cases))
        .run(&batches, |batches| {
            runtime.block_on(play(&desk, &mut writer.borrow_mut(), &batches));
            Ok(())
        })
        .unwrap();
    runtime.block_on(async {
        let shared = Arc::clone(&writer.borrow().shared);
        let mut connection = shared.database.read().acquire().await.unwrap();
        shared.ledger.verify_stored(&mut connection).await.unwrap();
    });
}

#[test]
fn batches_do_what_one_operation_after_another_does_with_sqlite() {
    compare(Engine::Sqlite, 150);
}

#[test]
fn batches_do_what_one_operation_after_another_does_with_postgresql() {
    compare(Engine::Postgres, 60);
}
