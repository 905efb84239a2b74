//! The journal on both databases: as one process sees it, as two that share it, and after a crash.

mod desk;
mod many;
mod model;
mod plans;
mod purge;
mod shared;
mod single;
mod space;
mod two_people;
