//! What a run of load says, and medians of several.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// One run of load. Times in µs.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Run {
    /// Good answers.
    pub(crate) per_second: f64,
    /// All answers.
    pub(crate) calls: f64,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
    /// Of the watched process, per call.
    pub(crate) cpu: f64,
    /// Of the watched process, at the end.
    pub(crate) rss_mib: f64,
    pub(crate) failed: BTreeMap<String, u64>,
    /// Whether the requests came to an end before the time did.
    pub(crate) exhausted: bool,
}

impl fmt::Display for Run {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&serde_json::to_string(self).unwrap())
    }
}

impl Run {
    /// Each figure's median over `runs`; failures are added up.
    pub(crate) fn median(runs: &[Self]) -> Self {
        let of = |figure: fn(&Self) -> f64| median(runs.iter().map(figure).collect());
        let mut failed = BTreeMap::new();
        for (code, count) in runs.iter().flat_map(|run| &run.failed) {
            *failed.entry(code.clone()).or_default() += count;
        }
        Self {
            per_second: of(|run| run.per_second),
            calls: of(|run| run.calls),
            p50: of(|run| run.p50),
            p99: of(|run| run.p99),
            max: of(|run| run.max),
            cpu: of(|run| run.cpu),
            rss_mib: of(|run| run.rss_mib),
            failed,
            exhausted: runs.iter().any(|run| run.exhausted),
        }
    }
}

/// The middle one, or the mean of the middle two.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    match figures.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => figures[middle],
        _ => f64::midpoint(figures[middle - 1], figures[middle]),
    }
}

/// The figure below which `part` of the sorted ones lie; 0 when there are none.
pub(crate) fn percentile(sorted: &[u32], part: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    let figure = sorted.get((last as f64 * part).round() as usize);
    figure.copied().map_or(0.0, f64::from)
}
