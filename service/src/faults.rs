//! Points at which a test ends, stops or holds the process (cargo feature `faults`, absent from releases).
//!
//! A role passes [`Faults`] along and says with [`Faults::reach`] where it is. Without the feature that is
//! nothing at all: no state, no code, and no variable that is read.

/// Where a process can be made to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// A call passed every check; nothing is written.
    Verified,
    /// The transaction that spends a token is complete and not committed.
    BeforeConsumeCommit,
    /// The token is spent durably; nobody knows yet.
    AfterConsumeCommit,
    /// The upstream is connected; no byte of the call is written.
    Dialled,
    /// The first byte of the call is written, and no more.
    FirstByte,
    /// The call is written whole; no answer is read.
    Sent,
    /// The head of the answer is read.
    Status,
    /// The answer is complete; its outcome is not written.
    Body,
    /// The transaction that holds an outcome is complete and not committed.
    BeforeOutcomeCommit,
    /// The outcome is durable; nobody heard of it.
    AfterOutcomeCommit,
    /// Some of a batch is applied, and not all of it.
    InsideBatch,
    /// A record got its place in the ledger, in a transaction that is not committed.
    Sequenced,
    /// A receipt is about to be signed.
    BeforeSign,
    /// A receipt is signed and not stored.
    AfterSign,
    /// An operator's word on a call in doubt is applied and not committed.
    Resolve,
    /// A good policy bundle is about to take the place of the active one.
    PolicySwap,
    /// A new signing key exists in memory and not on disk.
    KeyWrite,
}

/// Which fault is armed. Without the feature `faults` there is only [`Faults::none`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    #[cfg(feature = "faults")]
    armed: Option<&'static armed::Armed>,
}

impl Faults {
    /// None.
    pub fn none() -> Self {
        Self::default()
    }
}

#[cfg(not(feature = "faults"))]
impl Faults {
    /// Does nothing: faults are not part of this build.
    #[inline]
    pub fn reach(self, _point: Point) {}

    /// Never: faults are not part of this build.
    #[inline]
    pub fn is_armed(self, _point: Point) -> bool {
        false
    }
}

#[cfg(feature = "faults")]
pub use armed::UnknownFault;

#[cfg(feature = "faults")]
mod armed {
    use std::str::FromStr;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use super::{Faults, Point};

    /// How long `pause` holds the thread that comes by.
    const PAUSE: Duration = Duration::from_mins(1);

    /// Stops the parent, and keeps its thread waiting until it stands still: another of its threads may
    /// take the signal, and take a while.
    const STOP: &str = "kill -STOP $PPID; n=0; \
        until grep -q '^State:.T' /proc/$PPID/status || [ $n = 100 ]; do sleep 0.05; n=$((n+1)); done";

    /// One fault.
    #[derive(Debug)]
    pub(super) struct Armed {
        point: Point,
        action: Action,
        /// How often the point is still passed unharmed.
        spared: AtomicU64,
    }

    /// What happens there.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Action {
        /// The process ends at once, as by `kill -9`.
        Abort,
        /// The process stops until it is told to go on (SIGCONT).
        Stop,
        /// The thread sleeps a minute.
        Pause,
    }

    /// The text names no fault.
    #[derive(Debug, thiserror::Error)]
    #[error("`{0}` names no fault: write POINT:ACTION or POINT:ACTION@N")]
    pub struct UnknownFault(String);

    impl Faults {
        /// Reads `POINT:ACTION[@N]`: at the N-th time (the first unless given) that the point is reached,
        /// `abort`, `stop` or `pause`.
        ///
        /// # Errors
        /// The text, when it names no fault.
        pub fn parse(text: &str) -> Result<Self, UnknownFault> {
            let unknown = || UnknownFault(text.to_owned());
            let (point, rest) = text.split_once(':').ok_or_else(unknown)?;
            let (action, count) = rest.split_once('@').unwrap_or((rest, "1"));
            let count = count.parse::<u64>().ok().and_then(|n| n.checked_sub(1));
            let armed = Armed {
                point: point.parse().map_err(|()| unknown())?,
                action: action.parse().map_err(|()| unknown())?,
                spared: AtomicU64::new(count.ok_or_else(unknown)?),
            };
            // One per process, for its life.
            Ok(Self {
                armed: Some(Box::leak(Box::new(armed))),
            })
        }

        /// Does what is armed for `point`, once.
        pub fn reach(self, point: Point) {
            let Some(armed) = self.armed.filter(|armed| armed.point == point) else {
                return;
            };
            // The count below zero wraps to a number that nobody reaches.
            if armed.spared.fetch_sub(1, Ordering::AcqRel) == 0 {
                armed.action.take();
            }
        }

        /// Whether the fault at `point` is armed.
        pub fn is_armed(self, point: Point) -> bool {
            self.armed.is_some_and(|armed| armed.point == point)
        }
    }

    impl Action {
        fn take(self) {
            match self {
                Self::Abort => std::process::abort(),
                Self::Stop => {
                    let order = ["-c", STOP];
                    let _ = std::process::Command::new("sh").args(order).status();
                }
                Self::Pause => std::thread::sleep(PAUSE),
            }
        }
    }

    impl FromStr for Point {
        type Err = ();

        fn from_str(text: &str) -> Result<Self, ()> {
            Ok(match text {
                "verified" => Self::Verified,
                "before_consume_commit" => Self::BeforeConsumeCommit,
                "after_consume_commit" => Self::AfterConsumeCommit,
                "dialled" | "before_send" => Self::Dialled,
                "first_byte" => Self::FirstByte,
                "sent" | "after_send" => Self::Sent,
                "status" => Self::Status,
                "body" | "after_answer" => Self::Body,
                "before_outcome_commit" => Self::BeforeOutcomeCommit,
                "after_outcome_commit" => Self::AfterOutcomeCommit,
                "inside_batch" => Self::InsideBatch,
                "sequenced" => Self::Sequenced,
                "before_sign" => Self::BeforeSign,
                "after_sign" => Self::AfterSign,
                "resolve" => Self::Resolve,
                "policy_swap" => Self::PolicySwap,
                "key_write" => Self::KeyWrite,
                _ => return Err(()),
            })
        }
    }

    impl FromStr for Action {
        type Err = ();

        fn from_str(text: &str) -> Result<Self, ()> {
            Ok(match text {
                "abort" => Self::Abort,
                "stop" => Self::Stop,
                "pause" => Self::Pause,
                _ => return Err(()),
            })
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn faults_are_a_point_an_action_and_a_count() {
            let faults = Faults::parse("before_send:abort@3").unwrap();
            assert!(faults.is_armed(Point::Dialled));
            assert!(!faults.is_armed(Point::Sent));
            faults.reach(Point::Dialled);
            faults.reach(Point::Sent);
            faults.reach(Point::Dialled);
            assert_eq!(faults.armed.unwrap().spared.load(Ordering::Acquire), 0);
        }

        #[test]
        fn texts_that_name_no_fault_are_refused() {
            for text in [
                "",
                "sent",
                "sent:explode",
                "never:abort",
                "sent:abort@0",
                "sent:abort@x",
            ] {
                assert!(Faults::parse(text).is_err(), "{text}");
            }
        }
    }
}
