//! One request, one answer, one connection.

use std::time::Duration;

use bytes::Bytes;
use countersign_intent::id::IntentId;
use countersign_intent::render::RenderedCall;
use countersign_service::problem::error_chain;
use http::Request;
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, timeout_at};

use super::answer::{Body, BodyError};
use super::dial::Dialer;
use super::target::Target;
use super::wire::{Wire, Written};
use super::{Answer, Exchange};
use crate::execution::Event;
use crate::faults::{Faults, Point};

/// How long an upstream may take to accept a connection and, with TLS, to prove itself.
const DIAL_LIMIT: Duration = Duration::from_secs(10);
/// How long the rest of an answer is read after its time limit is near: none. The limit is the tool's.
const MAX_HEADERS: usize = 128;

/// Why the answer does not count as one.
#[derive(Debug, thiserror::Error)]
enum AnswerError {
    #[error("the connection failed before a complete answer came")]
    Http(#[from] hyper::Error),
    #[error(transparent)]
    Body(#[from] BodyError),
}

/// Makes the call; classifies what happened.
pub(super) async fn run(
    dialer: &Dialer,
    target: &Target,
    call: &RenderedCall,
    jti: &IntentId,
    limit: Duration,
    faults: Faults,
) -> Exchange {
    let request = match target.request(call, jti) {
        Ok(request) => request,
        Err(error) => return Exchange::not_sent(error_chain(&error)),
    };
    let began = Instant::now();
    let deadline = began + limit;
    let connection = match timeout_at(deadline.min(began + DIAL_LIMIT), dialer.dial(target)).await {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => return Exchange::not_sent(error_chain(&error)),
        Err(_) => {
            return Exchange::not_sent(format!(
                "`{}` does not take connections in time",
                target.name()
            ));
        }
    };
    faults.reach(Point::BeforeSend);
    let written = Written::default();
    let wire = Wire::new(connection, written.clone(), faults);
    let answer = timeout_at(deadline, exchange(wire, request, target)).await;
    let failure = match answer {
        Ok(Ok(answer)) => return answered(answer),
        Ok(Err(error)) => error_chain(&error),
        Err(_) => format!("no complete answer came within {} s", limit.as_secs_f32()),
    };
    if written.get() {
        Exchange::lost(failure)
    } else {
        Exchange::not_sent(failure)
    }
}

async fn exchange(
    wire: Wire,
    request: Request<Full<Bytes>>,
    target: &Target,
) -> Result<Answer, AnswerError> {
    let (mut sender, connection) = http1::Builder::new()
        .max_headers(MAX_HEADERS)
        .handshake::<_, Full<Bytes>>(TokioIo::new(wire))
        .await?;
    let answer = async {
        let response = sender.send_request(request).await?;
        let status = response.status().as_u16();
        let body = Body::read(response.into_body(), target).await?;
        Ok(Answer { status, body })
    };
    tokio::pin!(answer, connection);
    let mut open = true;
    loop {
        tokio::select! {
            biased;
            answer = &mut answer => return answer,
            // The end of the connection, good or bad, reaches `answer` as well.
            _ = &mut connection, if open => open = false,
        }
    }
}

fn answered(answer: Answer) -> Exchange {
    let event = Event::Answered(answer.status);
    let gateway = matches!(answer.status, 408 | 502 | 504);
    let cause = gateway.then(|| format!("the upstream answered {}", answer.status));
    Exchange {
        event,
        cause,
        answer: Some(answer),
    }
}
