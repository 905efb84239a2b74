//! The mini cloud behind the enforcer: services, a database, accounts and an audit log, whose
//! faults really break things and whose tool API really changes them.
mod views;
mod world;
