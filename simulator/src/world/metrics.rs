//! What the monitoring shows of a service: computed from its load, replicas, ailments and
//! dependencies, with a little noise that depends on nothing but the seed and the time.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::service::{Ailments, ProcessState, Service, Traffic};

/// Load during a surge, as a multiple of the ordinary one.
const SURGE: f64 = 2.5;
/// Seconds in which an absorbed surge falls to a third.
const EASING_SECONDS: f64 = 10.0;
/// Latency of a slow service, as a multiple of its profile.
const SLOW: f64 = 6.0;
/// Seconds in which leaking memory covers two thirds of the way to its end.
const LEAK_SECONDS: f64 = 0.6;
const LEAK_END_PERCENT: f64 = 97.0;
/// Share of requests that fail when a dependency is gone.
const DEPENDENCY_SHARE: f64 = 0.3;
/// The noise keeps still for so long, so that an idle world has little to report.
const NOISE_PERIOD_MS: i64 = 2_000;

/// Error rate from which a service counts as failing.
pub(crate) const HIGH_ERROR_RATE: f64 = 0.05;
/// Latency, as a multiple of the profile, from which a service counts as slow.
pub(crate) const HIGH_LATENCY: f64 = 4.0;
pub(crate) const HIGH_MEMORY_PERCENT: f64 = 85.0;
pub(crate) const HIGH_CPU_PERCENT: f64 = 90.0;

/// Health in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    /// Serves as it should.
    Up,
    /// Serves, but worse than it should.
    Degraded,
    /// No replica serves.
    Down,
}

/// One measurement of a service.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Metrics {
    pub(crate) status: Status,
    pub(crate) ready_replicas: usize,
    pub(crate) cpu_percent: f64,
    pub(crate) memory_percent: f64,
    pub(crate) latency_ms: f64,
    /// Share of failed requests, 0 to 1.
    pub(crate) error_rate: f64,
    pub(crate) requests_per_second: f64,
}

/// What a service feels of one service it depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dependency {
    pub(crate) error_rate: f64,
    /// How much longer than usual it takes.
    pub(crate) extra_latency_ms: f64,
}

/// When and with which seed a measurement is taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) now: Timestamp,
    pub(crate) seed: u64,
}

/// Measures one service.
pub(crate) fn measure(moment: Moment, service: &Service, dependencies: &[Dependency]) -> Metrics {
    let now = moment.now;
    let ready = service.ready_replicas(now);
    let noise = |metric: &str| noise(moment, service.id.as_str(), metric);
    let profile = &service.profile;
    if service.process != ProcessState::Running || service.replicas() == 0 {
        return Metrics {
            status: Status::Down,
            ready_replicas: 0,
            cpu_percent: 0.0,
            memory_percent: 0.0,
            latency_ms: 0.0,
            error_rate: 1.0,
            requests_per_second: 0.0,
        };
    }
    let arriving = profile.requests_per_second * load(now, service.ailments.traffic);
    let memory = memory_percent(now, profile.memory_percent, &service.ailments);
    if ready == 0 {
        return Metrics {
            status: Status::Down,
            ready_replicas: 0,
            cpu_percent: round(12.0 + noise("cpu"), 1),
            memory_percent: round(memory * 0.6 + noise("memory"), 1),
            latency_ms: round(profile.latency_ms * (1.0 + 0.05 * noise("latency")), 1),
            error_rate: 1.0,
            requests_per_second: round(arriving, 1),
        };
    }
    let utilization = arriving / (profile.capacity_per_replica * count(ready));
    let ailing =
        1.0 + if service.ailments.slow {
            SLOW - 1.0
        } else {
            0.0
        } + if service.ailments.leaking_since.is_some() {
            0.8
        } else {
            0.0
        } + if service.ailments.hung_probes.is_empty() {
            0.0
        } else {
            0.7
        } + (utilization - 0.7).max(0.0) * 1.5;
    let extra_latency: f64 = dependencies.iter().map(|d| d.extra_latency_ms).sum();
    let failing_dependencies: f64 = dependencies
        .iter()
        .map(|d| d.error_rate * DEPENDENCY_SHARE)
        .sum();
    let own_errors =
        0.002 + if service.ailments.slow { 0.02 } else { 0.0 } + (utilization - 1.0).max(0.0) * 0.1;
    let mut metrics = Metrics {
        status: Status::Up,
        ready_replicas: ready,
        cpu_percent: round(
            (utilization * 100.0 + 1.5 * noise("cpu")).clamp(1.0, 100.0),
            1,
        ),
        memory_percent: round((memory + 0.8 * noise("memory")).clamp(1.0, 99.0), 1),
        latency_ms: round(
            profile.latency_ms * ailing * (1.0 + 0.05 * noise("latency")) + extra_latency,
            1,
        ),
        error_rate: round(
            (own_errors + failing_dependencies + 0.001 * noise("errors")).clamp(0.0, 1.0),
            4,
        ),
        requests_per_second: round(arriving * (1.0 + 0.03 * noise("load")), 1),
    };
    if ready < service.replicas()
        || !service.ailments.hung_probes.is_empty()
        || is_failing(&metrics)
        || is_slow(&metrics, service)
        || is_short_of_memory(&metrics)
        || is_saturated(&metrics)
    {
        metrics.status = Status::Degraded;
    }
    metrics
}

/// Whether ready replicas carry the load with room to spare.
pub(crate) fn absorbs_load(now: Timestamp, service: &Service) -> bool {
    let arriving = service.profile.requests_per_second * load(now, service.ailments.traffic);
    let capacity = service.profile.capacity_per_replica * count(service.ready_replicas(now));
    arriving < capacity * 0.9
}

pub(crate) fn is_failing(metrics: &Metrics) -> bool {
    metrics.error_rate >= HIGH_ERROR_RATE
}

pub(crate) fn is_slow(metrics: &Metrics, service: &Service) -> bool {
    metrics.latency_ms >= service.profile.latency_ms * HIGH_LATENCY
}

pub(crate) fn is_short_of_memory(metrics: &Metrics) -> bool {
    metrics.memory_percent >= HIGH_MEMORY_PERCENT
}

pub(crate) fn is_saturated(metrics: &Metrics) -> bool {
    metrics.cpu_percent >= HIGH_CPU_PERCENT
}

/// What dependents of the service feel of it.
pub(crate) fn as_dependency(service: &Service, metrics: &Metrics) -> Dependency {
    Dependency {
        error_rate: metrics.error_rate,
        extra_latency_ms: (metrics.latency_ms - service.profile.latency_ms * 1.1).max(0.0),
    }
}

fn load(now: Timestamp, traffic: Traffic) -> f64 {
    match traffic {
        Traffic::Ordinary => 1.0,
        Traffic::Surging(_) => SURGE,
        Traffic::Easing(since) => {
            1.0 + (SURGE - 1.0) * (-seconds_since(since, now) / EASING_SECONDS).exp()
        }
    }
}

fn memory_percent(now: Timestamp, healthy: f64, ailments: &Ailments) -> f64 {
    match ailments.leaking_since {
        None => healthy,
        Some(since) => {
            let covered = 1.0 - (-seconds_since(since, now) / LEAK_SECONDS).exp();
            healthy + (LEAK_END_PERCENT - healthy) * covered
        }
    }
}

fn seconds_since(since: Timestamp, now: Timestamp) -> f64 {
    now.duration_since(since).as_secs_f64().max(0.0)
}

fn count(replicas: usize) -> f64 {
    f64::from(u32::try_from(replicas).unwrap_or(u32::MAX))
}

fn round(value: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (value * scale).round() / scale
}

/// A value between -1 and 1 that only the seed, the names and the period decide.
fn noise(moment: Moment, service: &str, metric: &str) -> f64 {
    let period = moment
        .now
        .as_millisecond()
        .div_euclid(NOISE_PERIOD_MS)
        .unsigned_abs();
    let mut state = moment.seed ^ period.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for byte in service.bytes().chain(metric.bytes()) {
        state = scramble(state ^ u64::from(byte));
    }
    let top = u32::try_from(scramble(state) >> 32).unwrap_or_default();
    f64::from(top) / f64::from(u32::MAX) * 2.0 - 1.0
}

/// One round of a 64-bit finalizer: every input bit reaches every output bit.
fn scramble(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
