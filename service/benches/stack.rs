//! What the layers around every handler cost: a route that does nothing, bare and under `standard()`.
//!
//! `cargo bench -p countersign-service --bench stack 2>/dev/null` prints the CPU time of one request;
//! the log goes to standard error, at the level of production.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints, and fails by panicking"
)]

use std::fs;

use axum::Router;
use axum::body::Body;
use axum::routing::{get, post};
use countersign_service::clock::Clock;
use countersign_service::credential::Credentials;
use countersign_service::directory::{Directory, SharedDirectory};
use countersign_service::events::Hub;
use countersign_service::openapi;
use countersign_service::random::Random;
use countersign_service::server::{Isolation, Parts, Role, standard};
use countersign_service::tasks::Tasks;
use countersign_service::telemetry;
use http::Request;
use tower::ServiceExt as _;
use utoipa::openapi::OpenApi;

/// Requests of one measurement.
const REQUESTS: u32 = 100_000;
/// Measurements, of which the fastest counts: whatever else runs only adds.
const ROUNDS: usize = 5;

fn main() {
    telemetry::init("info", telemetry::Format::Json).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        for (name, router) in [("bare", routes()), ("standard", standard(routes(), role()))] {
            let router = router.with_state(());
            for (method, path) in [("GET", "/noop"), ("POST", "/call"), ("GET", "/nowhere")] {
                let mut best = u64::MAX;
                for _ in 0..ROUNDS {
                    best = best.min(measure(&router, method, path).await);
                }
                let each = best / u64::from(REQUESTS);
                println!("{name:>9} {method:>5} {path:<9} {each:>7} ns of CPU a request");
            }
        }
    });
}

fn routes() -> Router {
    Router::new()
        .route("/noop", get(async || "ok"))
        .route("/call", post(async || "ok"))
}

fn role() -> Role {
    let clock = Clock::system();
    Role::new(Parts {
        name: "enforcer",
        isolation: Isolation::OwnProcess,
        clock: clock.clone(),
        random: Random::system(),
        credentials: Credentials::new(SharedDirectory::new(Directory::default())),
        hub: Hub::new(clock),
        tasks: Tasks::new(),
        document: openapi::document("enforcer", "Does nothing", OpenApi::default()),
    })
    .untimed("/call")
}

async fn measure(router: &Router, method: &str, path: &str) -> u64 {
    let before = cpu();
    for _ in 0..REQUESTS {
        let request = Request::builder().method(method).uri(path);
        let request = request.body(Body::empty()).unwrap();
        let answer = router.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status().is_success(), path != "/nowhere");
    }
    cpu() - before
}

/// The CPU time of this thread, in nanoseconds.
fn cpu() -> u64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}
