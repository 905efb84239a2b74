//! Measurements, in the Prometheus text format.
//!
//! Labels come from closed sets (role, method, route template, status), never from input.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use http::{Method, StatusCode};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Upper bounds of the latency buckets, in seconds.
const BUCKETS: [f64; 11] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0,
];

/// The recorder keeps every sample until it is drained, which a server that nobody scrapes must do itself.
const DRAIN_EVERY: u32 = 1024;

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
}

/// Counts and times one answered request.
pub(super) fn request(
    role: &'static str,
    method: &Method,
    route: &str,
    status: StatusCode,
    took: Duration,
) {
    static REQUESTS: AtomicU32 = AtomicU32::new(0);
    let method = match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::PATCH => "PATCH",
        Method::HEAD => "HEAD",
        _ => "other",
    };
    let labels = [
        ("role", role.to_owned()),
        ("method", method.to_owned()),
        ("route", route.to_owned()),
        ("status", status.as_u16().to_string()),
    ];
    metrics::counter!("http_requests_total", &labels).increment(1);
    let labels = [("role", role.to_owned()), ("route", route.to_owned())];
    metrics::histogram!("http_request_duration_seconds", &labels).record(took.as_secs_f64());
    if REQUESTS
        .fetch_add(1, Ordering::Relaxed)
        .is_multiple_of(DRAIN_EVERY)
        && let Some(handle) = install()
    {
        handle.run_upkeep();
    }
}

/// Everything measured so far.
pub(super) fn render() -> Option<String> {
    let handle = install()?;
    handle.run_upkeep();
    Some(handle.render())
}
