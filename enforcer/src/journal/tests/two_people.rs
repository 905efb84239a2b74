//! Two people speak of one call in doubt at once, each at a replica of their own: one is heard after the
//! other, and with the other's word.

use countersign_service::database::Engine;
use countersign_service::tasks::Tasks;
use tempfile::TempDir;

use super::desk::Desk;
use super::single::{end, spend};
use crate::execution::{Event, Resolution, State};
use crate::journal::Journal;
use crate::journal::permit::Permit;
use crate::journal::settle::{Settle, SettleError, Settled};
use crate::journal::store::words;
use crate::journal::words::Word;

const ROUNDS: usize = 40;

/// Two replicas on one database.
struct Pair {
    desk: Desk,
    one: Journal,
    other: Journal,
    tasks: Tasks,
    _second: TempDir,
}

impl Pair {
    async fn start() -> Self {
        let desk = Desk::new(Engine::Postgres);
        let second = tempfile::tempdir().unwrap();
        let tasks = Tasks::new();
        Self {
            one: desk.run(&tasks).await,
            other: desk.run_in(second.path(), &tasks).await,
            desk,
            tasks,
            _second: second,
        }
    }

    /// A wipe in doubt, which takes two people.
    async fn doubt(&self, round: usize) -> Permit {
        let call = self
            .desk
            .approved(&self.desk.ask("data.wipe", format!("d{round}")));
        let permit = spend(&self.one, &call).await.unwrap();
        assert_eq!(end(&self.one, &permit, Event::Lost).await, State::InDoubt);
        permit
    }

    async fn say(
        &self,
        journal: &Journal,
        permit: &Permit,
        by: &str,
        resolution: Resolution,
    ) -> Result<Settled, SettleError> {
        let word = Word {
            by: by.parse().unwrap(),
            resolution,
            evidence: "logs".to_owned(),
            reason: "none".to_owned(),
            at: self.desk.clock.now(),
        };
        let event = Event::Settled(resolution);
        let settle = Settle::of(&permit.intent().jti, permit.attempt(), event);
        journal.settle(settle.on_word_of(word)).await
    }

    /// The call's state and what was said of it.
    async fn stored(&self, permit: &Permit) -> (State, Vec<(String, Resolution)>) {
        let shared = self.one.shared();
        let jti = &permit.intent().jti;
        let call = self.other.look_up(jti.clone()).await.unwrap().unwrap();
        let said = words::of(shared.database.read(), &shared.tenant, jti)
            .await
            .unwrap();
        let said = said
            .into_iter()
            .map(|word| (word.by.to_string(), word.resolution));
        (call.state, said.collect())
    }
}

fn said(by: &str, resolution: Resolution) -> (String, Resolution) {
    (by.to_owned(), resolution)
}

#[tokio::test(flavor = "multi_thread")]
async fn same_word_of_two_people_at_once_settles_the_doubt() {
    use Resolution::Executed;
    let pair = Pair::start().await;
    for round in 0..ROUNDS {
        let permit = pair.doubt(round).await;
        let (here, there) = tokio::join!(
            pair.say(&pair.one, &permit, "ann", Executed),
            pair.say(&pair.other, &permit, "ben", Executed),
        );
        let (here, there) = (here.unwrap(), there.unwrap());
        assert_ne!(here.moved(), there.moved(), "round {round}");
        let last = if here.moved() { here } else { there };
        assert_eq!(last.words.len(), 2, "round {round}");
        let both = vec![said("ann", Executed), said("ben", Executed)];
        let stored = pair.stored(&permit).await;
        assert_eq!(stored, (State::Resolved(Executed), both), "round {round}");
        let late = pair.say(&pair.other, &permit, "eve", Executed).await;
        assert!(matches!(late, Err(SettleError::NoTransition(_))));
    }
    pair.tasks.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn different_words_of_two_people_at_once_leave_the_first_and_settle_nothing() {
    use Resolution::{Executed, NotExecuted};
    let pair = Pair::start().await;
    for round in 0..ROUNDS {
        let permit = pair.doubt(round).await;
        let (here, there) = tokio::join!(
            pair.say(&pair.one, &permit, "ann", Executed),
            pair.say(&pair.other, &permit, "ben", NotExecuted),
        );
        let kept = match (here, there) {
            (Ok(settled), Err(SettleError::Differs(other))) if !settled.moved() => {
                assert_eq!(other.by.as_str(), "ann");
                said("ann", Executed)
            }
            (Err(SettleError::Differs(other)), Ok(settled)) if !settled.moved() => {
                assert_eq!(other.by.as_str(), "ben");
                said("ben", NotExecuted)
            }
            other => panic!("round {round}: {other:?}"),
        };
        let stored = pair.stored(&permit).await;
        assert_eq!(stored, (State::InDoubt, vec![kept]), "round {round}");
    }
    pair.tasks.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn word_that_is_taken_back_meanwhile_settles_nothing() {
    use Resolution::{Executed, NotExecuted};
    let pair = Pair::start().await;
    for round in 0..ROUNDS {
        let permit = pair.doubt(round).await;
        let first = pair.say(&pair.one, &permit, "ann", Executed).await;
        assert!(!first.unwrap().moved());
        let (back, same) = tokio::join!(
            pair.say(&pair.one, &permit, "ann", NotExecuted),
            pair.say(&pair.other, &permit, "ben", Executed),
        );
        let (state, words) = pair.stored(&permit).await;
        match (back, same) {
            (Ok(back), Err(SettleError::Differs(_))) => {
                assert!(!back.moved(), "round {round}");
                assert_eq!(state, State::InDoubt);
                assert_eq!(words, [said("ann", NotExecuted)]);
            }
            (Err(SettleError::NoTransition(_)), Ok(same)) => {
                assert!(same.moved(), "round {round}");
                assert_eq!(state, State::Resolved(Executed));
                assert_eq!(words, [said("ann", Executed), said("ben", Executed)]);
            }
            other => panic!("round {round}: {other:?}"),
        }
    }
    pair.tasks.cancel();
}
