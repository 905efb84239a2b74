//! The authority: judges plans with Cedar, asks people where policy says so, and signs intent tokens.
//!
//! It owns plans, approvals, policy bundles, the intent-signing keys, the kill switch and its own
//! ledger. It refuses to know any upstream credential: it says what may be sent and never sends it.
//! The main types are [`Config`], [`policy::Bundle`] and [`policy::Decision`]; deciding is pure, and
//! every change of state commits together with its record.

mod answer;
mod approval;
mod authority;
mod bundle_view;
mod cancel;
mod command;
mod config;
mod control;
mod enforcers;
mod explain;
mod history;
mod intake;
mod issue;
mod judge;
mod keys;
mod plan;
pub mod policy;
mod publish;
mod quorum;
mod receive;
mod reload;
mod role;
mod routes;
mod stamp;
mod state;
mod store;
mod view;
mod watch;
mod witness;

pub use config::{AUDIENCE, Config, ISSUER};
pub use enforcers::PinError;
pub use judge::PlanLimits;
pub use keys::KeysError;
pub use quorum::{Need, Rule};
pub use role::{RunError, build, openapi, run};
