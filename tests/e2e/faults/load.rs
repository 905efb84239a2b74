//! What an enforcer is doing while a fault strikes: calls of several kinds at once.

use countersign_service::random::Random;
use tokio::task::JoinSet;

use crate::harness::issuer::{Issuer, Ticket};
use crate::harness::solo::Door;
use crate::harness::world::Answer;

/// A ticket and what its caller heard.
#[derive(Clone, Debug)]
pub(crate) struct Fired {
    pub(crate) ticket: Ticket,
    /// `None` where no answer came.
    pub(crate) heard: Vec<Option<Answer>>,
}

/// Calls in one wave.
const WAVE: usize = 8;

/// Chooses what is called, the same for the same seed.
#[derive(Debug)]
pub(crate) struct Load {
    random: Random,
    wave: u32,
}

impl Load {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            random: Random::seeded(seed),
            wave: 0,
        }
    }

    /// A number below `end`.
    pub(crate) fn below(&self, end: u8) -> u8 {
        let [byte] = self.random.bytes::<1>();
        byte % end
    }

    /// A service: most answer at once, some later, some badly, some never. Those whose calls end in doubt
    /// stay locked, so they are new ones each time.
    fn service(&self, number: usize) -> String {
        let wave = self.wave;
        match self.below(12) {
            0 => "slow-alpha".to_owned(),
            1 => "slow-beta".to_owned(),
            2 => format!("slow-{wave}-{number}"),
            3 => "bad-alpha".to_owned(),
            4 => format!("gateway-{wave}-{number}"),
            5 => format!("gone-{wave}-{number}"),
            6 => "alpha".to_owned(),
            7 => "beta".to_owned(),
            _ => format!("svc-{wave}-{number}"),
        }
    }

    /// Fires some calls at once, every third of them twice; gives what their callers heard.
    pub(crate) async fn wave(&mut self, issuer: &Issuer, door: &Door) -> Vec<Fired> {
        self.wave += 1;
        let tickets = (0..WAVE).map(|number| issuer.scaling(&self.service(number)));
        fire(door, tickets.collect(), 3).await
    }
}

/// Fires every ticket at once, each `twice`-th of them two times.
pub(crate) async fn fire(door: &Door, tickets: Vec<Ticket>, twice: usize) -> Vec<Fired> {
    let mut tasks = JoinSet::new();
    for (number, ticket) in tickets.into_iter().enumerate() {
        let door = door.clone();
        tasks.spawn(async move {
            let heard = if number % twice == twice - 1 {
                let (one, other) = tokio::join!(door.call(&ticket), door.call(&ticket));
                vec![one, other]
            } else {
                vec![door.call(&ticket).await]
            };
            Fired { ticket, heard }
        });
    }
    tasks.join_all().await
}
