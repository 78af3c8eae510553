//! Whole clusters in one thread, from a seed or a scenario.
//!
//! What runs is the production code; only the world around it is played: network, disks, clocks, operators. Modules in
//! reading order.

pub mod faults;
pub mod raft;
pub mod random;
pub mod scenario;
pub mod service;
pub mod steps;
