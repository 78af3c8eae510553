//! `ccf.consensus`: views and what is committed.

use std::rc::Rc;

use coco_wire::{Seqno, TxId, View};
use rquickjs::{Coerced, Ctx, Exception, FromJs, Object, Result, Value};

use crate::{
    occasion::Occasion,
    realm::{define, number, string},
    state::State,
};

/// Adds `ccf.consensus`.
pub(crate) fn install(ccf: &Object<'_>, state: &Rc<State>) -> Result<()> {
    let consensus = Object::new(ccf.ctx().clone())?;
    define(&consensus, state, "getLastCommittedTxId", 0, |state, ctx, _| {
        let committed = during(state, ctx, |occasion| occasion.services.chain().committed)?;
        let txid = Object::new(ctx.clone())?;
        txid.set("view", committed.view.0 as f64)?;
        txid.set("seqno", committed.seqno.0 as f64)?;
        Ok(txid.into_value())
    })?;
    define(&consensus, state, "getStatusForTxId", 2, |state, ctx, args| {
        let negative = "Invalid view or seqno: cannot be negative";
        let view = View(natural(ctx, &args[0], negative)?);
        let seqno = Seqno(natural(ctx, &args[1], negative)?);
        let status = during(state, ctx, |occasion| occasion.services.chain().status(TxId { view, seqno }))?;
        string(ctx, &format!("{status:?}"))
    })?;
    define(&consensus, state, "getViewForSeqno", 1, |state, ctx, args| {
        let seqno = Seqno(natural(ctx, &args[0], "Invalid seqno: cannot be negative")?);
        let view = during(state, ctx, |occasion| occasion.services.chain().view_of(seqno))?;
        Ok(view.map_or_else(|| Value::new_null(ctx.clone()), |view| number(ctx, view.0 as f64)))
    })?;
    ccf.set("consensus", consensus)
}

/// Runs `body` on the call that is executed.
pub(crate) fn during<T>(state: &State, ctx: &Ctx<'_>, body: impl FnOnce(&Occasion<'_>) -> T) -> Result<T> {
    let done = state.occasion.with(body);
    done.ok_or_else(|| Exception::throw_internal(ctx, "No request is being executed"))
}

/// An argument that is a natural number, converted as JavaScript does.
pub(crate) fn natural<'js>(ctx: &Ctx<'js>, value: &Value<'js>, negative: &str) -> Result<u64> {
    let number = Coerced::<f64>::from_js(ctx, value.clone())?.0;
    if number <= -1.0 {
        return Err(Exception::throw_range(ctx, negative));
    }
    // NaN and infinity are zero, as in ECMAScript's conversion to integers.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "negative numbers are refused"
    )]
    Ok(if number.is_finite() { number as u64 } else { 0 })
}
