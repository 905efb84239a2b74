//! The proxy door and what is built on it: plain HTTP requests, `countersign forward`, real `kubectl`.

mod catalogue;
mod cluster;
mod forwarding;
mod kubectl;
mod requests;

use std::path::PathBuf;

use crate::harness::root;

/// The folder of the Kubernetes catalogue.
fn kubernetes() -> PathBuf {
    root().join("catalogues/kubernetes")
}
