//! The enforcer: verifies intent tokens, runs each at most once, and leaves a signed receipt of it.
//!
//! It owns the doors that calls come through, the journal of spent tokens, the only way out to
//! infrastructure and the credentials for it. It cannot issue tokens: it has no key for that, and it
//! judges no policy. A call goes through a chain in which each step is the only source of the next:
//! `UnverifiedToken` → `Verified<Intent>` → `MatchedCall` → [`Permit`] → receipt.
//!
//! [`Config`] says what an enforcer needs, [`run`] serves one, [`build`] gives its router.

mod approvals;
mod approved;
mod books;
mod ceiling;
mod config;
mod control;
mod execute;
mod execution;
mod gate;
mod header;
mod journal;
mod leases;
mod pace;
mod receipts;
mod refusals;
mod routes;
mod stamp;
mod start;
mod state;
mod upstream;

use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;

pub use books::BooksError;
pub use ceiling::Ceilings;
pub use config::upstream::{AddressRange, RangeError, Roots, RootsError, Upstream};
pub use config::{AUDIENCE, CALLS_KEPT, Config, FREE_SPACE, ISSUER, LOCK_WAIT};
pub use journal::open::JournalError;
pub use journal::permit::Permit;
pub use receipts::ReceiptKeyError;
pub use start::{Enforcer, EnforcerError, build, run};
pub use upstream::{SetupError, TargetError, TlsError, check_upstreams};

/// The description of the enforcer's HTTP interface.
pub fn openapi() -> OpenApi {
    countersign_service::openapi::document(
        "enforcer",
        "Verifies intent tokens, runs each at most once and leaves signed receipts.",
        routes::Paths::openapi(),
    )
}
