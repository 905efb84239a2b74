//! Measurements, in the Prometheus text format.
//!
//! Labels come from closed sets (role, method, route template, status), never from input. A route's
//! handles are looked up once, so that a request only adds to numbers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use http::{Method, StatusCode};
use metrics::{Counter, Histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Upper bounds of the latency buckets, in seconds.
const BUCKETS: [f64; 11] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0,
];

/// The recorder keeps every sample until it is drained, which a server that nobody scrapes must do itself.
const DRAIN_EVERY: u32 = 1024;

/// Routes that are answered however busy the server is, and whose answers are no news.
const ALWAYS: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// The route of paths that no route serves.
const UNKNOWN: &str = "unknown";

/// Sets up the recorder of this process, once; roles in one process share it.
pub fn install() -> Option<&'static PrometheusHandle> {
    static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    let handle = HANDLE.get_or_init(|| {
        let latency = Matcher::Suffix("_seconds".to_owned());
        let builder = PrometheusBuilder::new().set_buckets_for_metric(latency, &BUCKETS);
        match builder.and_then(PrometheusBuilder::install_recorder) {
            Ok(handle) => {
                describe();
                Some(handle)
            }
            Err(error) => {
                tracing::error!(%error, "measurements are not recorded");
                None
            }
        }
    });
    handle.as_ref()
}

fn describe() {
    metrics::describe_counter!("http_requests_total", "Requests answered");
    metrics::describe_histogram!(
        "http_request_duration_seconds",
        metrics::Unit::Seconds,
        "Time to the head of the answer"
    );
    metrics::describe_counter!(
        "http_connections_turned_away_total",
        "Connections for which there was no place"
    );
    metrics::describe_counter!(
        "http_connections_ended_total",
        "Connections that took too long, or made room"
    );
    metrics::describe_counter!(
        "http_accept_failures_total",
        "Times the system would not accept a connection"
    );
}

/// How long a route's requests may be in work, and whether they count as load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waits {
    /// The server's time limit, within its concurrency.
    NoLonger,
    /// The server's time limit, however busy it is.
    NoLongerAlways,
    /// The route has limits of its own.
    AsLongAsItTakes,
}

/// The routes of a server, as far as they were asked for.
pub(super) struct Routes {
    role: &'static str,
    untimed: Vec<&'static str>,
    known: RwLock<BTreeMap<Arc<str>, Arc<Route>>>,
    unknown: Arc<Route>,
}

/// One route: its limits and its numbers.
pub(super) struct Route {
    role: &'static str,
    name: Arc<str>,
    waits: Waits,
    took: Histogram,
    answers: RwLock<Vec<(&'static str, StatusCode, Counter)>>,
}

// === impl Routes ===

impl Routes {
    pub(super) fn new(role: &'static str, untimed: Vec<&'static str>) -> Self {
        Self {
            role,
            untimed,
            known: RwLock::default(),
            unknown: Arc::new(Route::new(role, Arc::from(UNKNOWN), Waits::NoLonger)),
        }
    }

    /// The route of this name, as written in the router.
    pub(super) fn of(&self, name: Option<&str>) -> Arc<Route> {
        let Some(name) = name else {
            return Arc::clone(&self.unknown);
        };
        {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(route) = known.get(name) {
                return Arc::clone(route);
            }
        }
        let waits = if self.untimed.contains(&name) {
            Waits::AsLongAsItTakes
        } else if ALWAYS.contains(&name) {
            Waits::NoLongerAlways
        } else {
            Waits::NoLonger
        };
        let name: Arc<str> = Arc::from(name);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let route = known
            .entry(Arc::clone(&name))
            .or_insert_with(|| Arc::new(Route::new(self.role, name, waits)));
        Arc::clone(route)
    }
}

// === impl Route ===

impl Route {
    fn new(role: &'static str, name: Arc<str>, waits: Waits) -> Self {
        let labels = [("role", role.to_owned()), ("route", name.to_string())];
        Self {
            role,
            name,
            waits,
            took: metrics::histogram!("http_request_duration_seconds", &labels),
            answers: RwLock::default(),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) const fn waits(&self) -> Waits {
        self.waits
    }

    /// Counts and times one answered request.
    pub(super) fn count(&self, method: &Method, status: StatusCode, took: Duration) {
        static REQUESTS: AtomicU32 = AtomicU32::new(0);
        self.took.record(took.as_secs_f64());
        self.add_one(label(method), status);
        let requests = REQUESTS.fetch_add(1, Ordering::Relaxed);
        if requests.is_multiple_of(DRAIN_EVERY)
            && let Some(handle) = install()
        {
            handle.run_upkeep();
        }
    }

    fn add_one(&self, method: &'static str, status: StatusCode) {
        {
            let answers = self.answers.read().unwrap_or_else(PoisonError::into_inner);
            let known = answers
                .iter()
                .find(|answer| answer.0 == method && answer.1 == status);
            if let Some((_, _, counter)) = known {
                counter.increment(1);
                return;
            }
        }
        let labels = [
            ("role", self.role.to_owned()),
            ("method", method.to_owned()),
            ("route", self.name.to_string()),
            ("status", status.as_u16().to_string()),
        ];
        // Two requests at once get handles of the same counter.
        let counter = metrics::counter!("http_requests_total", &labels);
        counter.increment(1);
        let mut answers = self.answers.write().unwrap_or_else(PoisonError::into_inner);
        let known = answers
            .iter()
            .any(|answer| answer.0 == method && answer.1 == status);
        if !known {
            answers.push((method, status, counter));
        }
    }
}

fn label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::PATCH => "PATCH",
        Method::HEAD => "HEAD",
        _ => "other",
    }
}

/// Everything measured so far.
pub(super) fn render() -> Option<String> {
    let handle = install()?;
    handle.run_upkeep();
    Some(handle.render())
}
