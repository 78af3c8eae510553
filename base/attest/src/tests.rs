//! What the tests of several platforms share.

pub(crate) mod changes;
pub(crate) mod der;
pub(crate) mod snp;
pub(crate) mod tpm;
pub(crate) mod vectors;
pub(crate) mod windows;
