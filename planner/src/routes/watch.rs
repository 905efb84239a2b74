//! `GET /v1/runs/{run_id}/events`: one run's changes, until it ends.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event as Frame, Sse};
use axum::response::{IntoResponse as _, Response};
use countersign_intent::id::RunId;
use countersign_service::clock::Clock;
use countersign_service::credential::ObserverCaller;
use countersign_service::extract::Path;
use countersign_service::problem::{Problem, ProblemDocument, ProblemType};
use futures_util::stream;
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio_util::sync::CancellationToken;

use super::runs;
use crate::driver::Context;
use crate::run::view::RunView;

/// Time between pings.
const PING: Duration = Duration::from_secs(15);

/// Streams a run: `upsert` with the whole run now and after each change, `ping` in between; the stream
/// ends with the run.
#[utoipa::path(
    get, path = "/v1/runs/{run_id}/events", tag = "runs", operation_id = "watch_run",
    security(("bearer" = [])),
    params(("run_id" = RunId, Path)),
    responses(
        (status = 200, description = "Server-sent events", body = String, content_type = "text/event-stream"),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn watch_run(
    _: ObserverCaller,
    State(context): State<Arc<Context>>,
    Path(run_id): Path<RunId>,
) -> Result<Response, Problem> {
    let seat = Arc::clone(&context.watchers)
        .try_acquire_owned()
        .map_err(|_full| Problem::new(ProblemType::OVERLOAD, "too many event streams are open"))?;
    let views = if let Some(live) = context.registry.get(&run_id) {
        live.watch()
    } else {
        let run = runs::find(&context, &run_id).await?;
        watch::Sender::new(Arc::new(run.view().clone())).subscribe()
    };
    let watching = Watching {
        views,
        next: Next::Snapshot,
        number: 0,
        clock: context.clock.clone(),
        end: context.tasks.token(),
        _seat: seat,
    };
    let frames = stream::unfold(watching, async |mut watching| {
        let frame = watching.next().await?;
        Some((Ok::<_, Infallible>(frame), watching))
    });
    Ok(Sse::new(frames).into_response())
}

struct Watching {
    views: watch::Receiver<Arc<RunView>>,
    next: Next,
    number: u64,
    clock: Clock,
    end: CancellationToken,
    _seat: OwnedSemaphorePermit,
}

/// What the stream sends next.
enum Next {
    /// The run as it is.
    Snapshot,
    /// That this was the run as it is.
    SnapshotEnd {
        /// Whether the run had ended by then.
        ended: bool,
    },
    /// The run after its next change.
    Change,
    /// Nothing: the run has ended.
    Nothing,
}

impl Watching {
    async fn next(&mut self) -> Option<Frame> {
        match self.next {
            Next::Snapshot => {
                // What was sent decides: the run may end between this frame and the next.
                let (frame, ended) = self.view();
                self.next = Next::SnapshotEnd { ended };
                Some(frame)
            }
            Next::SnapshotEnd { ended } => {
                self.next = if ended { Next::Nothing } else { Next::Change };
                Some(Frame::default().event("snapshot_end").data("{}"))
            }
            Next::Change => {
                tokio::select! {
                    biased;
                    changed = self.views.changed() => changed.ok()?,
                    () = self.end.cancelled() => return None,
                    () = tokio::time::sleep(PING) => {
                        let time = json!({"time": self.clock.now()});
                        return Some(Frame::default().event("ping").data(time.to_string()));
                    }
                }
                let (frame, ended) = self.view();
                if ended {
                    self.next = Next::Nothing;
                }
                Some(frame)
            }
            Next::Nothing => None,
        }
    }

    fn view(&mut self) -> (Frame, bool) {
        self.number = self.number.saturating_add(1);
        let view = Arc::clone(&self.views.borrow_and_update());
        let data = json!({"topic": "run", "id": view.run_id, "item": *view}).to_string();
        let frame = Frame::default()
            .event("upsert")
            .id(self.number.to_string())
            .data(data);
        (frame, view.state.ended())
    }
}
