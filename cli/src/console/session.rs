//! Sessions: a random cookie stands for the key of the person who signed in. They live in memory, for
//! twelve hours or until the process ends.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::{FromRef, FromRequestParts, State};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_intent::digest::Digest;
use countersign_intent::id::OperatorId;
use countersign_service::clock::Clock;
use countersign_service::credential::SecretKey;
use countersign_service::directory::{Operator, SharedDirectory};
use countersign_service::extract::Json;
use countersign_service::problem::{Problem, ProblemDocument, ProblemType};
use countersign_service::random::Random;
use http::header::{COOKIE as COOKIE_HEADER, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};

use super::{Code, Uses};

/// The cookie's name, before the port.
pub(super) const COOKIE: &str = "countersign_session";
/// How long a session lasts.
const LIFE: Duration = Duration::from_hours(12);
/// How many sessions are kept; the one that ends first makes room.
const MAX_SESSIONS: usize = 1_000;

/// The sessions and sign-in codes of this process. Clones are the same.
#[derive(Clone, Debug)]
pub(super) struct Sessions(Arc<Inner>);

/// What sessions start from.
#[derive(Debug)]
pub(super) struct Opening {
    pub(super) directory: SharedDirectory,
    pub(super) clock: Clock,
    pub(super) random: Random,
    pub(super) codes: Vec<Code>,
    pub(super) port: u16,
}

#[derive(Debug)]
struct Inner {
    directory: SharedDirectory,
    clock: Clock,
    random: Random,
    cookie: String,
    open: Mutex<Open>,
}

/// Cookies and codes by the hash of their text, so that looking one up takes no secret comparison.
#[derive(Debug, Default)]
struct Open {
    sessions: BTreeMap<Digest, Kept>,
    codes: BTreeMap<Digest, (SecretKey, Uses)>,
}

#[derive(Clone, Debug)]
struct Kept {
    key: SecretKey,
    until: Duration,
}

/// A signed-in person, from the cookie; 401 without.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) operator: Arc<Operator>,
    pub(super) key: SecretKey,
}

/// Who is signed in.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct SessionView {
    /// The person.
    operator: OperatorId,
    /// Their name for other people.
    name: String,
    /// Their roles.
    roles: Vec<String>,
}

/// A way to sign in: exactly one of the two.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SignIn {
    /// The code of a sign-in link.
    code: Option<String>,
    /// An operator's or approver's key.
    key: Option<String>,
}

impl Sessions {
    pub(super) fn new(opening: Opening) -> Self {
        let codes = opening.codes.into_iter();
        let codes = codes
            .map(|code| (hash(code.text.expose()), (code.key, code.uses)))
            .collect();
        Self(Arc::new(Inner {
            directory: opening.directory,
            clock: opening.clock,
            random: opening.random,
            cookie: format!("{COOKIE}_{}", opening.port),
            open: Mutex::new(Open {
                sessions: BTreeMap::new(),
                codes,
            }),
        }))
    }

    /// Opens a session and gives its cookie.
    fn sign_in(&self, with: &SignIn) -> Result<(Session, String), Problem> {
        let key = match (&with.code, &with.key) {
            (Some(code), None) => self.redeem(code)?,
            (None, Some(key)) => SecretKey::from_text(key),
            (Some(_), Some(_)) | (None, None) => {
                let detail = "give either `code` or `key`";
                return Err(Problem::new(ProblemType::Invalid, detail));
            }
        };
        let operator = self.holder(&key)?;
        let cookie = URL_SAFE_NO_PAD.encode(self.0.random.bytes::<32>());
        let now = self.0.clock.monotonic();
        let mut open = self.open();
        open.sessions.retain(|_, kept| kept.until > now);
        if open.sessions.len() >= MAX_SESSIONS {
            let first = open
                .sessions
                .iter()
                .min_by_key(|(_, kept)| kept.until)
                .map(|(id, _)| *id);
            first.and_then(|id| open.sessions.remove(&id));
        }
        let until = now.saturating_add(LIFE);
        open.sessions.insert(
            hash(&cookie),
            Kept {
                key: key.clone(),
                until,
            },
        );
        Ok((Session { operator, key }, cookie))
    }

    fn redeem(&self, code: &str) -> Result<SecretKey, Problem> {
        let id = hash(code);
        let mut open = self.open();
        match open.codes.get(&id).cloned() {
            Some((key, Uses::WhileRunning)) => Ok(key),
            Some((key, Uses::Once)) => {
                open.codes.remove(&id);
                Ok(key)
            }
            None => {
                let detail = "the sign-in code is not known: it was used, or the console restarted";
                Err(Problem::new(ProblemType::CredentialInvalid, detail))
            }
        }
    }

    fn holder(&self, key: &SecretKey) -> Result<Arc<Operator>, Problem> {
        let directory = self.0.directory.snapshot();
        directory
            .by_operator_key(key.expose())
            .cloned()
            .ok_or_else(|| Problem::new(ProblemType::CredentialInvalid, "no operator has this key"))
    }

    /// The session of the cookie in `headers`, if it is open and its person still exists.
    pub(super) fn of(&self, headers: &HeaderMap) -> Result<Session, Problem> {
        let missing = || Problem::new(ProblemType::CredentialMissing, "sign in first");
        let cookie = self.cookie_in(headers).ok_or_else(missing)?;
        let kept = self
            .open()
            .sessions
            .get(&hash(cookie))
            .cloned()
            .ok_or_else(missing)?;
        if kept.until <= self.0.clock.monotonic() {
            return Err(Problem::new(
                ProblemType::CredentialMissing,
                "the session is over: sign in again",
            ));
        }
        Ok(Session {
            operator: self.holder(&kept.key)?,
            key: kept.key,
        })
    }

    fn close(&self, headers: &HeaderMap) {
        if let Some(cookie) = self.cookie_in(headers) {
            self.open().sessions.remove(&hash(cookie));
        }
    }

    fn cookie_in<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        let lines = headers.get_all(COOKIE_HEADER).iter();
        let pairs = lines
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(';'));
        pairs
            .filter_map(|pair| pair.trim().split_once('='))
            .find_map(|(name, value)| (name == self.0.cookie).then_some(value))
    }

    /// The `Set-Cookie` that makes the browser keep `value` for `seconds`; zero forgets it.
    fn set_cookie(&self, value: &str, seconds: u64) -> String {
        let name = &self.0.cookie;
        format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict")
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hash(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

impl<S: Send + Sync> FromRequestParts<S> for Session
where
    Sessions: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Sessions::from_ref(state).of(&parts.headers)
    }
}

impl Session {
    fn view(&self) -> SessionView {
        SessionView {
            operator: self.operator.id.clone(),
            name: self.operator.name.clone(),
            roles: self.operator.roles.iter().cloned().collect(),
        }
    }
}

/// Signs in with a sign-in link's code or with a key.
#[utoipa::path(
    post,
    path = "/api/session",
    tag = "session",
    operation_id = "open_session",
    request_body = SignIn,
    responses(
        (status = 200, description = "Signed in; the cookie is set", body = SessionView),
        (status = 401, description = "Nobody has this code or key", body = ProblemDocument)
    )
)]
pub(super) async fn open_session(
    State(sessions): State<Sessions>,
    Json(with): Json<SignIn>,
) -> Result<Response, Problem> {
    let (session, cookie) = sessions.sign_in(&with)?;
    tracing::info!(operator.id = %session.operator.id, "signed in to the console");
    let cookie = sessions.set_cookie(&cookie, LIFE.as_secs());
    Ok(([(SET_COOKIE, cookie)], Json(session.view())).into_response())
}

/// Says who is signed in.
#[utoipa::path(
    get,
    path = "/api/session",
    tag = "session",
    operation_id = "get_session",
    responses(
        (status = 200, description = "The person", body = SessionView),
        (status = 401, description = "Nobody is signed in", body = ProblemDocument)
    ),
    security(("session" = []))
)]
pub(super) async fn get_session(session: Session) -> Json<SessionView> {
    Json(session.view())
}

/// Signs out.
#[utoipa::path(
    delete,
    path = "/api/session",
    tag = "session",
    operation_id = "close_session",
    responses((status = 204, description = "Signed out")),
    security(("session" = []))
)]
pub(super) async fn close_session(
    State(sessions): State<Sessions>,
    headers: HeaderMap,
) -> Response {
    sessions.close(&headers);
    (
        StatusCode::NO_CONTENT,
        [(SET_COOKIE, sessions.set_cookie("", 0))],
    )
        .into_response()
}
