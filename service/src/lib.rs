//! What every Countersign server needs: problems, extractors, the directory of agents and people,
//! credentials, clock, randomness, database, events, tasks, the standard routes and their layers.
//!
//! This crate owns the edges (sockets, clock, disk, randomness, environment of a process) and no rule
//! of the product: it does not know plans, policies, tokens or tools beyond their refusal codes. The
//! main types are [`server::Role`], [`problem::Problem`] and [`database::Database`].

pub mod client;
pub mod clock;
pub mod credential;
pub mod database;
pub mod directory;
pub mod events;
pub mod extract;
pub mod faults;
pub mod files;
pub mod openapi;
pub mod problem;
pub mod random;
pub mod server;
pub mod tasks;
pub mod telemetry;
