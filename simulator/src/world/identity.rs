//! People with accounts in the mini cloud, and the API keys of its services.

use jiff::Timestamp;

use super::ids::{ServiceId, UserId};

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) id: UserId,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) role: String,
    pub(crate) lock: Lock,
    pub(crate) created_at: Timestamp,
    pub(crate) password_resets: u32,
}

/// What a new account is made of.
#[derive(Clone, Debug)]
pub(crate) struct NewUser {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) role: String,
}

/// Whether an account may sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lock {
    Open,
    Locked,
}

/// The API key of one service. The mini cloud keeps no key text, only how often it changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiKey {
    pub(crate) target: ServiceId,
    pub(crate) rotations: u32,
    pub(crate) rotated_at: Timestamp,
}
