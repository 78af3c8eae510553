//! The driver with a node behind it.
