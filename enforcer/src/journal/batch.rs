//! What a batch of operations sees and changes: read at once, worked on in memory in the order of the
//! operations, written at once. So each behaves as if it had the database for itself, one after another.
//!
//! On a shared database another process may be faster between reading and writing. The statements that
//! write demand the state that was read, and the batch begins again where they do not find it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use countersign_intent::digest::Digest;
use countersign_intent::id::{AttemptId, IntentId, PlanId, StepId, TenantId};
use countersign_intent::tool::Effect;
use countersign_ledger::statement::{RunError, Statement, run};
use countersign_ledger::{Draft, Ledger, Link, Tip};
use jiff::Timestamp;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::call::Call;
use super::store::receipts::NewReceipt;
use super::store::{StoreError, calls, receipts, state, words};
use super::words::Word;
use crate::execution::State;

/// What is asked of the store before a batch.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// Tokens that somebody spends, settles or asks about.
    pub(super) tokens: BTreeSet<IntentId>,
    pub(super) resources: BTreeSet<String>,
    pub(super) steps: BTreeSet<(PlanId, StepId)>,
    /// Tokens whose calls people give their word on.
    pub(super) words: BTreeSet<IntentId>,
}

/// The part of the journal that a batch is about.
#[derive(Debug)]
pub(super) struct Batch {
    tenant: TenantId,
    calls: BTreeMap<IntentId, Arc<Call>>,
    holders: BTreeMap<String, Arc<Call>>,
    steps: BTreeMap<(PlanId, StepId), AttemptId>,
    words: BTreeMap<IntentId, Vec<Word>>,
    /// Calls in doubt that nobody else changes or speaks of until this is written.
    doubts: BTreeSet<IntentId>,
    /// What was spent, in order.
    spent: Vec<IntentId>,
    /// What was moved, with the stored state.
    moved: BTreeMap<IntentId, State>,
    said: Vec<(Call, Word)>,
    from: Tip,
    tip: Tip,
    links: Vec<Link>,
    receipts: Vec<NewReceipt>,
    /// Receipts of notes, which may be kept already: a note whose commit is not known comes again.
    noted: Vec<NewReceipt>,
    posted: Vec<String>,
    high_water: Option<Timestamp>,
}

/// What writing a batch came to.
#[derive(Debug)]
pub(super) struct Written {
    /// Where the ledger's chain ends.
    pub(super) tip: Tip,
    /// The highest time that any process saw, where it was asked for.
    pub(super) high_water: Option<Timestamp>,
    /// When the first of the spent tokens expires.
    pub(super) expiry: Option<Timestamp>,
}

/// A transaction that its first statement begins.
#[derive(Debug)]
pub(super) struct Transaction<'c> {
    connection: &'c mut AnyConnection,
    /// What begins it, as long as that is not done.
    opening: Option<&'static str>,
}

impl<'c> Transaction<'c> {
    /// On `connection`, where `opening` is still to be run.
    pub(super) fn new(connection: &'c mut AnyConnection, opening: Option<&'static str>) -> Self {
        Self {
            connection,
            opening,
        }
    }

    /// Its connection, for what is run by itself.
    pub(super) async fn connection(&mut self) -> Result<&mut AnyConnection, StoreError> {
        if self.opening.is_some() {
            self.run(Vec::new()).await?;
        }
        Ok(self.connection)
    }

    async fn run(&mut self, mut statements: Vec<Statement>) -> Result<Vec<Vec<AnyRow>>, RunError> {
        let Some(opening) = self.opening.take() else {
            return run(self.connection, statements).await;
        };
        statements.insert(0, Statement::new(opening));
        let mut found = run(self.connection, statements).await?;
        if !found.is_empty() {
            found.remove(0);
        }
        Ok(found)
    }
}

impl Batch {
    /// Reads what is `wanted`; `known` are calls of which the stored state is known.
    pub(super) async fn read(
        transaction: &mut Transaction<'_>,
        tenant: &TenantId,
        from: Tip,
        wanted: &Wanted,
        known: &BTreeMap<IntentId, Arc<Call>>,
    ) -> Result<Self, StoreError> {
        let mut batch = Self {
            tenant: tenant.clone(),
            calls: BTreeMap::new(),
            holders: BTreeMap::new(),
            steps: BTreeMap::new(),
            words: BTreeMap::new(),
            doubts: BTreeSet::new(),
            spent: Vec::new(),
            moved: BTreeMap::new(),
            said: Vec::new(),
            from,
            tip: from,
            links: Vec::new(),
            receipts: Vec::new(),
            noted: Vec::new(),
            posted: Vec::new(),
            high_water: None,
        };
        let (kept, unknown): (Vec<_>, Vec<_>) = wanted
            .tokens
            .iter()
            .partition(|jti| known.contains_key(*jti) && !wanted.words.contains(*jti));
        let kept = kept.into_iter().filter_map(|jti| known.get(jti));
        batch.calls = kept
            .map(|call| (call.jti.clone(), Arc::clone(call)))
            .collect();
        let mut statements = Vec::new();
        // Words are weighed with those of before: first come the locks, then everything is read.
        if !wanted.words.is_empty() {
            statements.push(calls::hold_doubts(tenant, &wanted.words));
        }
        let locked = statements.len();
        if !unknown.is_empty() {
            statements.push(calls::find(tenant, unknown));
        }
        let asked = statements.len();
        if !wanted.resources.is_empty() {
            let resources = wanted.resources.iter().map(String::as_str);
            statements.push(calls::holders(tenant, resources));
        }
        let held = statements.len();
        if !wanted.steps.is_empty() {
            let steps = wanted.steps.iter().map(|(plan, step)| (plan, step));
            statements.push(calls::of_steps(tenant, steps));
        }
        // Where there is nothing to read, the first statement that writes begins the transaction.
        let found = if statements.is_empty() {
            Vec::new()
        } else {
            transaction.run(statements).await?
        };
        for (index, rows) in found.into_iter().enumerate() {
            for row in rows {
                if index < locked {
                    batch.doubts.insert(calls::held(&row)?);
                    continue;
                }
                let call = Arc::new(calls::read(&row)?);
                if index < asked {
                    batch.calls.insert(call.jti.clone(), call);
                } else if index < held {
                    batch.holders.insert(call.resource.clone(), call);
                } else {
                    let step = (call.plan.clone(), call.step.clone());
                    batch.steps.insert(step, call.attempt.clone());
                }
            }
        }
        for jti in &wanted.words {
            let said = words::of(transaction.connection().await?, tenant, jti).await?;
            batch.words.insert(jti.clone(), said);
        }
        Ok(batch)
    }

    /// The call that spent `jti`.
    pub(super) fn call(&self, jti: &IntentId) -> Option<&Arc<Call>> {
        self.calls.get(jti)
    }

    /// The call that holds the resource of `call`.
    pub(super) fn holder(&self, call: &Call) -> Option<&Call> {
        self.holders.get(&call.resource).map(Arc::as_ref)
    }

    /// The attempt that ran, or may have run, for the step of `call`.
    pub(super) fn ran(&self, call: &Call) -> Option<&AttemptId> {
        self.steps.get(&(call.plan.clone(), call.step.clone()))
    }

    /// Whether nobody else can settle, or speak of, the call in doubt that spent `jti`.
    pub(super) fn has_doubt(&self, jti: &IntentId) -> bool {
        self.doubts.contains(jti)
    }

    /// Says that it is `now` at least.
    pub(super) fn date(&mut self, now: Timestamp) {
        self.high_water = self.high_water.max(Some(now));
    }

    /// What was said of the call that spent `jti`.
    pub(super) fn words(&self, jti: &IntentId) -> &[Word] {
        self.words.get(jti).map_or(&[], Vec::as_slice)
    }

    /// Keeps `word`, in place of an earlier one of the same person.
    pub(super) fn say(&mut self, call: &Call, word: &Word) {
        let words = self.words.entry(call.jti.clone()).or_default();
        words.retain(|other| other.by != word.by);
        words.push(word.clone());
        self.said.push((call.clone(), word.clone()));
    }

    /// Spends the token of `call`.
    pub(super) fn spend(&mut self, call: &Arc<Call>) {
        if call.effect != Effect::Read {
            self.holders.insert(call.resource.clone(), Arc::clone(call));
        }
        if once_per_step(call) {
            let step = (call.plan.clone(), call.step.clone());
            self.steps.insert(step, call.attempt.clone());
        }
        self.date(call.consumed_at);
        self.spent.push(call.jti.clone());
        self.calls.insert(call.jti.clone(), Arc::clone(call));
    }

    /// Moves `call` on from the state `from`.
    pub(super) fn advance(&mut self, call: &Call, from: State) {
        if !call.state.holds_lock() {
            let held = self.holders.get(&call.resource);
            if held.is_some_and(|holder| holder.jti == call.jti) {
                self.holders.remove(&call.resource);
            }
        }
        if once_per_step(call) && !call.state.may_have_run() {
            let step = (call.plan.clone(), call.step.clone());
            if self.steps.get(&step) == Some(&call.attempt) {
                self.steps.remove(&step);
            }
        }
        self.moved.insert(call.jti.clone(), from);
        self.calls.insert(call.jti.clone(), Arc::new(call.clone()));
    }

    /// Whether the call that spent `jti` was changed in this batch, so that a second change must wait
    /// until the first is written.
    pub(super) fn touched(&self, jti: &IntentId) -> bool {
        self.moved.contains_key(jti) || self.spent.contains(jti)
    }

    /// Puts a record behind the ledger's chain; gives its leaf.
    pub(super) fn record(&mut self, ledger: &Ledger, draft: Draft) -> Result<Digest, StoreError> {
        let link = ledger.link(&mut self.tip, draft)?;
        let leaf = link.leaf();
        self.links.push(link);
        Ok(leaf)
    }

    /// Keeps a receipt.
    pub(super) fn keep(&mut self, receipt: NewReceipt) {
        self.receipts.push(receipt);
    }

    /// Keeps a receipt of a note, unless it is kept already.
    pub(super) fn keep_noted(&mut self, receipt: NewReceipt) {
        self.noted.push(receipt);
    }

    /// The call that spent `jti` has this receipt now.
    pub(super) fn give(&mut self, jti: &IntentId, receipt: &str) {
        if let Some(call) = self.calls.get_mut(jti) {
            Arc::make_mut(call).receipt = Some(receipt.to_owned());
        }
    }

    /// Takes receipts out of the outbox.
    pub(super) fn posted(&mut self, ids: &[String]) {
        self.posted.extend_from_slice(ids);
    }

    /// Writes it all; the transaction is still to be committed.
    pub(super) async fn write(
        mut self,
        transaction: &mut Transaction<'_>,
        ledger: &Ledger,
    ) -> Result<Written, StoreError> {
        for (call, word) in &self.said {
            words::put(transaction.connection().await?, call, word).await?;
        }
        let (statements, clock) = self.statements(ledger);
        let spent = self.spent.iter().filter_map(|jti| self.calls.get(jti));
        let expiry = spent.map(|call| call.exp).min();
        let found = transaction.run(statements).await?;
        let high_water = match clock.and_then(|index| found.get(index)) {
            Some(rows) => state::raised(rows)?,
            None => None,
        };
        Ok(Written {
            tip: self.tip,
            high_water,
            expiry,
        })
    }

    /// The statements, and which of them answers with the high-water time. All processes take their
    /// locks in the same order: calls by token, the clock, the ledger.
    fn statements(&mut self, ledger: &Ledger) -> (Vec<Statement>, Option<usize>) {
        let mut statements = Vec::new();
        if !self.moved.is_empty() {
            let moved = self.moved.iter();
            let moved = moved.filter_map(|(jti, from)| Some((&**self.calls.get(jti)?, *from)));
            statements.push(calls::advance(&self.tenant, moved));
        }
        if !self.spent.is_empty() {
            self.spent.sort();
            let spent = self.spent.iter().filter_map(|jti| self.calls.get(jti));
            let spent = spent.map(Arc::as_ref);
            statements.push(calls::insert(&self.tenant, ledger.writer(), spent));
        }
        let clock = self.high_water.map(|now| {
            statements.push(state::raise_high_water(now));
            statements.len().saturating_sub(1)
        });
        if !self.posted.is_empty() {
            self.posted.sort();
            statements.push(receipts::posted(&self.posted));
        }
        if !self.receipts.is_empty() {
            statements.extend(receipts::insert(&self.receipts));
        }
        if !self.noted.is_empty() {
            statements.extend(receipts::insert_new(&self.noted));
        }
        statements.extend(ledger.statements(self.from, &self.links));
        (statements, clock)
    }
}

/// What cannot be undone runs once per approved step.
fn once_per_step(call: &Call) -> bool {
    matches!(call.effect, Effect::Destructive | Effect::Data)
}
