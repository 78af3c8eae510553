//! What the tests of several platforms share.

pub(crate) mod changes;
pub(crate) mod snp;
pub(crate) mod tpm;
pub(crate) mod vectors;
pub(crate) mod windows;

pub(crate) use coco_imitated::der;
