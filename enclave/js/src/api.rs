//! The `ccf` object (CCF `js/ccf-app/src/global.ts`), one file a group.

pub(crate) mod convert;
pub(crate) mod crypto;
pub(crate) mod governance;
pub(crate) mod kv;
