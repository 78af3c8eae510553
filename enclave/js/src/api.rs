//! The `ccf` object (CCF `js/ccf-app/src/global.ts`), one file a group.

pub(crate) mod consensus;
pub(crate) mod convert;
pub(crate) mod crypto;
pub(crate) mod governance;
pub(crate) mod historical;
pub(crate) mod kv;
pub(crate) mod native;
pub(crate) mod range;
pub(crate) mod request;
pub(crate) mod rpc;
pub(crate) mod snp;
pub(crate) mod tcb;
