//! Points at which a test may end the process (cargo feature `faults`, absent from releases).

/// Where the process can be made to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Point {
    /// The token is spent durably; nothing is dialled.
    AfterConsumeCommit,
    /// The upstream is connected; no byte of the call is written.
    BeforeSend,
    /// The call is written whole; no answer is read.
    AfterSend,
    /// The answer is complete; its outcome is not durable.
    AfterAnswer,
}

/// Which faults are armed. Without the feature `faults` there is only [`Faults::none`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    #[cfg(feature = "faults")]
    abort_at: Option<Point>,
}

impl Faults {
    /// None.
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads `point:abort`, where `point` is `after_consume_commit`, `before_send`, `after_send` or
    /// `after_answer`.
    ///
    /// # Errors
    /// The text, when it names no fault.
    #[cfg(feature = "faults")]
    pub fn parse(text: &str) -> Result<Self, UnknownFault> {
        let point = match text {
            "after_consume_commit:abort" => Point::AfterConsumeCommit,
            "before_send:abort" => Point::BeforeSend,
            "after_send:abort" => Point::AfterSend,
            "after_answer:abort" => Point::AfterAnswer,
            _ => return Err(UnknownFault(text.to_owned())),
        };
        Ok(Self {
            abort_at: Some(point),
        })
    }

    /// Ends the process where the fault at `point` is armed.
    #[cfg(feature = "faults")]
    pub(crate) fn reach(self, point: Point) {
        if self.abort_at == Some(point) {
            std::process::abort();
        }
    }

    /// Does nothing: faults are not part of this build.
    #[cfg(not(feature = "faults"))]
    #[expect(
        clippy::unused_self,
        reason = "the same call as with the feature `faults`"
    )]
    pub(crate) fn reach(self, _point: Point) {}
}

/// The text names no fault.
#[cfg(feature = "faults")]
#[derive(Debug, thiserror::Error)]
#[error("`{0}` names no fault: write `point:abort`")]
pub struct UnknownFault(String);
