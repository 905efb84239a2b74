//! `GET /api/events`: the event streams of all roles as one, each event marked with its service.
//!
//! The cursor is that of each stream, as `authority:7.enforcer:3`, so `Last-Event-ID` resumes each. A
//! role that is away is asked again with growing pauses; the others go on.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse as _, Response};
use countersign_service::credential::SecretKey;
use countersign_service::problem::ProblemDocument;
use futures_util::stream;
use http::HeaderMap;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::AppState;
use super::session::{Session, Sessions};
use crate::sse::{Frame, Parser};

/// Time between pings: a browser that hears nothing for three of them reconnects.
const PING: Duration = Duration::from_secs(15);
/// The pause before a role that went away is asked again, and the longest one.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(8));
/// Events of all roles that may wait for the browser.
const QUEUE: usize = 256;

/// One event of one role.
struct Told {
    service: &'static str,
    frame: Frame,
}

/// Where each stream stands, by service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Cursor(BTreeMap<String, String>);

/// Live changes of all roles as server-sent events.
///
/// Events are those of each role's `/v1/events` with a further member `service`; `ping` comes from the
/// console and carries its time.
#[utoipa::path(
    get,
    path = "/api/events",
    tag = "console",
    operation_id = "stream_all_events",
    params(("Last-Event-ID" = Option<String>, Header, description = "Resume after this event")),
    responses(
        (status = 200, description = "The stream", body = String, content_type = "text/event-stream"),
        (status = 401, description = "Nobody is signed in", body = ProblemDocument)
    ),
    security(("session" = []))
)]
pub(super) async fn stream_all_events(
    session: Session,
    headers: HeaderMap,
    State(state): State<AppState>,
) -> Response {
    let cursor = headers
        .get("last-event-id")
        .and_then(|value| value.to_str().ok());
    let cursor = Cursor::parse(cursor.unwrap_or_default());
    let (sender, receiver) = channel(QUEUE);
    for (service, base) in state.roles.iter() {
        let source = Source {
            service,
            url: format!("{base}/v1/events"),
            key: session.key.clone(),
            cursor: cursor.0.get(*service).cloned(),
            http: state.http.clone(),
            sender: sender.clone(),
        };
        drop(
            state
                .tasks
                .spawn_until_cancelled("console-events", source.follow()),
        );
    }
    let merged = Merged {
        receiver,
        cursor,
        sessions: state.sessions.clone(),
        headers,
        // The first one at once: it carries the server's time, and the browser sees that it is heard.
        ping_at: state.clock.monotonic(),
        state: state.clone(),
    };
    let frames = stream::unfold(merged, async |mut merged| {
        let event = merged.next().await?;
        Some((Ok::<_, Infallible>(event), merged))
    });
    Sse::new(frames).into_response()
}

/// The merged stream of one browser.
struct Merged {
    receiver: Receiver<Told>,
    cursor: Cursor,
    sessions: Sessions,
    headers: HeaderMap,
    state: AppState,
    /// When the next ping is due, on the clock's monotonic scale.
    ping_at: Duration,
}

impl Merged {
    async fn next(&mut self) -> Option<Event> {
        let clock = self.state.clock.clone();
        let silence = self.ping_at.saturating_sub(clock.monotonic());
        tokio::select! {
            biased;
            () = self.state.tasks.cancelled() => None,
            () = clock.sleep(silence) => {
                self.ping_at = clock.monotonic().saturating_add(PING);
                // A session that ended takes its stream along.
                self.sessions.of(&self.headers).ok()?;
                Some(self.ping())
            }
            told = self.receiver.recv() => told.map(|told| self.event(told)),
        }
    }

    fn ping(&self) -> Event {
        let data = json!({"time": self.state.clock.now()});
        Event::default().event("ping").data(data.to_string())
    }

    fn event(&mut self, told: Told) -> Event {
        let Told { service, frame } = told;
        if let Some(id) = frame.id {
            self.cursor.0.insert(service.to_owned(), id);
        }
        let mut data: Map<String, Value> = serde_json::from_str(&frame.data).unwrap_or_default();
        data.insert("service".to_owned(), service.into());
        let event = Event::default()
            .event(frame.event)
            .data(Value::Object(data).to_string());
        // An empty id would make the browser forget the one it has.
        if self.cursor.0.is_empty() {
            event
        } else {
            event.id(self.cursor.text())
        }
    }
}

impl Cursor {
    fn parse(text: &str) -> Self {
        let pairs = text.split('.').filter_map(|pair| pair.split_once(':'));
        Self(
            pairs
                .map(|(service, id)| (service.to_owned(), id.to_owned()))
                .collect(),
        )
    }

    fn text(&self) -> String {
        let pairs: Vec<String> = self
            .0
            .iter()
            .map(|(service, id)| format!("{service}:{id}"))
            .collect();
        pairs.join(".")
    }
}

/// The stream of one role, followed for one browser.
struct Source {
    service: &'static str,
    url: String,
    key: SecretKey,
    cursor: Option<String>,
    http: reqwest::Client,
    sender: Sender<Told>,
}

impl Source {
    async fn follow(mut self) {
        let (mut pause, longest) = PAUSES;
        while !self.sender.is_closed() {
            match self.read().await {
                Ok(()) => pause = PAUSES.0,
                Err(reason) => {
                    tracing::debug!(service = self.service, reason, "an event stream broke off");
                    pause = pause.saturating_mul(2).min(longest);
                }
            }
            tokio::select! {
                () = self.sender.closed() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Reads until the stream ends. An error says that it did not even begin.
    async fn read(&mut self) -> Result<(), String> {
        let mut request = self.http.get(&self.url).bearer_auth(self.key.expose());
        if let Some(cursor) = &self.cursor {
            request = request.header("last-event-id", cursor);
        }
        let sender = self.sender.clone();
        let sent = tokio::select! {
            () = sender.closed() => return Ok(()),
            sent = request.send() => sent,
        };
        let answer = sent.map_err(|error| error.without_url().to_string())?;
        let mut answer = answer
            .error_for_status()
            .map_err(|error| error.without_url().to_string())?;
        let mut parser = Parser::default();
        loop {
            let chunk = tokio::select! {
                () = sender.closed() => return Ok(()),
                chunk = answer.chunk() => chunk,
            };
            let Ok(Some(chunk)) = chunk else {
                return Ok(());
            };
            let Ok(frames) = parser.push(&chunk) else {
                return Ok(());
            };
            for frame in frames {
                if frame.id.is_some() {
                    self.cursor.clone_from(&frame.id);
                }
                if frame.event == "ping" {
                    continue;
                }
                if self
                    .sender
                    .send(Told {
                        service: self.service,
                        frame,
                    })
                    .await
                    .is_err()
                {
                    return Ok(());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursor_holds_the_place_in_every_stream() {
        let cursor = Cursor::parse("authority:7.enforcer:3");
        assert_eq!(cursor.0.get("enforcer").map(String::as_str), Some("3"));
        assert_eq!(cursor.text(), "authority:7.enforcer:3");
        assert_eq!(Cursor::parse("garbage"), Cursor::default());
    }
}
