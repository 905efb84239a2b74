//! What one attempt may become (SECURITY-DESIGN §4). Pure.
//!
//! ```text
//! consumed ──nothing written──► not_sent
//!    │ ──────answered─────────► done
//!    └─ lost, 408, 502, 504 ──► in_doubt ──operator or late evidence──► resolved
//! ```
//! Nothing goes back, and what is not sent, done or resolved stays so.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How far an attempt has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The token is spent; the call may be on its way.
    Consumed,
    /// Nothing was written to the upstream.
    NotSent,
    /// A complete answer came, with this HTTP status.
    Done(u16),
    /// Something was written and no complete answer came: whether it ran is not known.
    InDoubt,
    /// The doubt is settled.
    Resolved(Resolution),
}

/// How a doubt was settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Resolution {
    /// The call ran.
    Executed,
    /// The call did not run: the step may get a new token.
    NotExecuted,
}

/// What became known of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Not one byte reached the upstream.
    NothingWritten,
    /// A complete, well-formed answer with this HTTP status.
    Answered(u16),
    /// Bytes were written, and the answer is missing, cut off, malformed or late.
    Lost,
    /// An operator looked and says so.
    Settled(Resolution),
}

/// The event does not apply to the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an attempt that is {state} does not change by this")]
pub(crate) struct NoTransition {
    /// The state that stays.
    pub(crate) state: State,
}

impl State {
    /// The state after `event`.
    ///
    /// # Errors
    /// [`NoTransition`] where the event would change nothing or lead back.
    pub(crate) fn on(self, event: Event) -> Result<Self, NoTransition> {
        let refused = Err(NoTransition { state: self });
        match (self, event) {
            (Self::Consumed, Event::NothingWritten) => Ok(Self::NotSent),
            (Self::Consumed, Event::Answered(status)) if is_gateway(status) => Ok(Self::InDoubt),
            (Self::Consumed, Event::Answered(status)) => Ok(Self::Done(status)),
            (Self::Consumed, Event::Lost) => Ok(Self::InDoubt),
            (Self::InDoubt, Event::Answered(status)) if is_gateway(status) => refused,
            (Self::InDoubt, Event::Answered(_)) => Ok(Self::Resolved(Resolution::Executed)),
            (Self::InDoubt, Event::NothingWritten) => Ok(Self::Resolved(Resolution::NotExecuted)),
            (Self::InDoubt, Event::Settled(resolution)) => Ok(Self::Resolved(resolution)),
            (Self::Consumed, Event::Settled(_))
            | (Self::InDoubt, Event::Lost)
            | (Self::NotSent | Self::Done(_) | Self::Resolved(_), _) => refused,
        }
    }

    /// The state's name, as stored and answered.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Consumed => "consumed",
            Self::NotSent => "not_sent",
            Self::Done(_) => "done",
            Self::InDoubt => "in_doubt",
            Self::Resolved(_) => "resolved",
        }
    }

    /// The upstream's status, where the state carries one.
    pub(crate) const fn status(self) -> Option<u16> {
        match self {
            Self::Done(status) => Some(status),
            Self::Consumed | Self::NotSent | Self::InDoubt | Self::Resolved(_) => None,
        }
    }

    /// The resolution, where the state carries one.
    pub(crate) const fn resolution(self) -> Option<Resolution> {
        match self {
            Self::Resolved(resolution) => Some(resolution),
            Self::Consumed | Self::NotSent | Self::InDoubt | Self::Done(_) => None,
        }
    }

    /// Whether the resource stays locked.
    pub(crate) const fn holds_lock(self) -> bool {
        match self {
            Self::Consumed | Self::InDoubt => true,
            Self::NotSent | Self::Done(_) | Self::Resolved(_) => false,
        }
    }

    /// Whether the call ran, may have run, or is about to.
    pub(crate) const fn may_have_run(self) -> bool {
        match self {
            Self::Consumed
            | Self::Done(_)
            | Self::InDoubt
            | Self::Resolved(Resolution::Executed) => true,
            Self::NotSent | Self::Resolved(Resolution::NotExecuted) => false,
        }
    }

    /// Reads a state back from its stored columns.
    pub(crate) fn from_columns(
        name: &str,
        status: Option<u16>,
        resolution: Option<&str>,
    ) -> Option<Self> {
        match (name, status, resolution) {
            ("consumed", None, None) => Some(Self::Consumed),
            ("not_sent", None, None) => Some(Self::NotSent),
            ("done", Some(status), None) => Some(Self::Done(status)),
            ("in_doubt", None, None) => Some(Self::InDoubt),
            ("resolved", None, Some(resolution)) => {
                Resolution::parse(resolution).map(Self::Resolved)
            }
            _ => None,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Resolution {
    /// The resolution's name, as stored and answered.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Executed => "executed",
            Self::NotExecuted => "not_executed",
        }
    }

    /// Reads the name back.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        [Self::Executed, Self::NotExecuted]
            .into_iter()
            .find(|resolution| resolution.as_str() == name)
    }
}

/// Statuses by which a server in between says that it does not know what became of the call.
pub(crate) const fn is_gateway(status: u16) -> bool {
    matches!(status, 408 | 502 | 504)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![
            Just(Event::NothingWritten),
            (200_u16..600).prop_map(Event::Answered),
            prop_oneof![Just(408), Just(502), Just(504)].prop_map(Event::Answered),
            Just(Event::Lost),
            Just(Event::Settled(Resolution::Executed)),
            Just(Event::Settled(Resolution::NotExecuted)),
        ]
    }

    /// What the words of SECURITY-DESIGN §4 say of a whole history, read without any state: the first
    /// thing that is known of the wire decides, and after a doubt the first word that settles it.
    fn told(events: &[Event]) -> State {
        let on_the_wire = |event: &Event| !matches!(event, Event::Settled(_));
        let Some(first) = events.iter().position(on_the_wire) else {
            return State::Consumed;
        };
        match events[first] {
            Event::NothingWritten => return State::NotSent,
            Event::Answered(status) if ![408, 502, 504].contains(&status) => {
                return State::Done(status);
            }
            Event::Answered(_) | Event::Lost | Event::Settled(_) => {}
        }
        let settling = |event: &Event| match *event {
            Event::NothingWritten => Some(Resolution::NotExecuted),
            Event::Answered(408 | 502 | 504) | Event::Lost => None,
            Event::Answered(_) => Some(Resolution::Executed),
            Event::Settled(resolution) => Some(resolution),
        };
        let settled = events[first + 1..].iter().find_map(settling);
        settled.map_or(State::InDoubt, State::Resolved)
    }

    fn rank(state: State) -> u8 {
        match state {
            State::Consumed => 0,
            State::InDoubt => 1,
            State::NotSent | State::Done(_) | State::Resolved(_) => 2,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]
        #[test]
        fn states_only_move_forward(events in prop::collection::vec(event(), 0..12)) {
            let mut state = State::Consumed;
            let mut was_in_doubt = false;
            for event in events {
                match state.on(event) {
                    Ok(next) => {
                        prop_assert!(rank(next) > rank(state), "{state} → {next}");
                        prop_assert_eq!(next.resolution().is_some(), was_in_doubt);
                        was_in_doubt |= next == State::InDoubt;
                        state = next;
                    }
                    Err(error) => prop_assert_eq!(error.state, state),
                }
            }
        }

        #[test]
        fn machine_and_history_agree_after_every_event(
            events in prop::collection::vec(event(), 0..16),
        ) {
            let mut state = State::Consumed;
            for (count, event) in events.iter().enumerate() {
                let changed = state.on(*event);
                prop_assert_eq!(changed.is_ok(), told(&events[..=count]) != state);
                state = changed.unwrap_or(state);
                prop_assert_eq!(state, told(&events[..=count]));
                prop_assert_eq!(state.holds_lock(), rank(state) < 2);
                prop_assert_eq!(state.status().is_some(), matches!(state, State::Done(_)));
            }
        }

        #[test]
        fn stored_columns_read_back(events in prop::collection::vec(event(), 0..4)) {
            let state = events.into_iter().fold(State::Consumed, |state, event| {
                state.on(event).unwrap_or(state)
            });
            let resolution = state.resolution().map(Resolution::as_str);
            prop_assert_eq!(
                State::from_columns(state.as_str(), state.status(), resolution),
                Some(state)
            );
        }
    }

    #[test]
    fn server_errors_are_answers_and_gateway_errors_are_doubt() {
        for status in [200, 301, 400, 404, 500, 503] {
            let state = State::Consumed.on(Event::Answered(status));
            assert_eq!(state, Ok(State::Done(status)));
        }
        for status in [408, 502, 504] {
            assert_eq!(
                State::Consumed.on(Event::Answered(status)),
                Ok(State::InDoubt)
            );
        }
    }

    #[test]
    fn late_evidence_settles_a_doubt() {
        let executed = State::Resolved(Resolution::Executed);
        assert_eq!(State::InDoubt.on(Event::Answered(200)), Ok(executed));
        for status in [408, 502, 504] {
            let stays = State::InDoubt.on(Event::Answered(status));
            assert_eq!(
                stays,
                Err(NoTransition {
                    state: State::InDoubt
                })
            );
        }
        let not_executed = State::Resolved(Resolution::NotExecuted);
        assert_eq!(State::InDoubt.on(Event::NothingWritten), Ok(not_executed));
    }
}
