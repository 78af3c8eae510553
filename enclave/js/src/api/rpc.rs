//! `ccf.rpc`: what becomes of the transaction.

use std::{cell::Cell, rc::Rc};

use coco_wire::Digest;
use rquickjs::{Coerced, Exception, FromJs, Object, Result};

use crate::{
    realm::{bytes, define, undefined},
    state::State,
};

/// What a script decided about its transaction.
#[derive(Default)]
pub(crate) struct Outcome {
    /// Whether writes are kept; the status of the answer decides if none is set.
    pub(crate) keep_writes: Cell<Option<bool>>,
    /// Digest of what the application claims.
    pub(crate) claims: Cell<Option<Digest>>,
}

/// Adds `ccf.rpc`.
pub(crate) fn install(ccf: &Object<'_>, state: &Rc<State>) -> Result<()> {
    let rpc = Object::new(ccf.ctx().clone())?;
    define(&rpc, state, "setApplyWrites", 1, |state, ctx, args| {
        state.outcome.keep_writes.set(Some(Coerced::<bool>::from_js(ctx, args[0].clone())?.0));
        Ok(undefined(ctx))
    })?;
    define(&rpc, state, "setClaimsDigest", 1, |state, ctx, args| {
        let digest = bytes(ctx, &args[0], "Argument must be an ArrayBuffer")?;
        let digest = <[u8; 32]>::try_from(digest).map_err(|_| {
            Exception::throw_type(ctx, "Argument must be an ArrayBuffer of the right size: 32")
        })?;
        state.outcome.claims.set(Some(Digest(digest)));
        Ok(undefined(ctx))
    })?;
    ccf.set("rpc", rpc)
}
