//! `ccf.node`, `ccf.network` and other effects of governance; `ccf.gov`.

use std::{cell::RefCell, rc::Rc};

use coco_kv::Tx;
use rquickjs::{ArrayBuffer, Coerced, Ctx, Exception, FromJs, Object, Result, Value};

use crate::{
    constitution,
    governance::{GovernanceHost, HostRefusal},
    realm::{boolean, bytes, define, number, string, text, to_json, undefined},
    state::State,
};

/// The node as `apply` may use it.
pub(crate) type Host = Rc<RefCell<dyn GovernanceHost>>;

/// Adds `ccf.gov`, which changes nothing.
pub(crate) fn install(ccf: &Object<'_>, state: &Rc<State>) -> Result<()> {
    let gov = Object::new(ccf.ctx().clone())?;
    define(&gov, state, "validateConstitution", 1, |state, ctx, args| {
        let Some(source) = args[0].as_string() else {
            return Err(Exception::throw_type(ctx, "constitution is not a string"));
        };
        constitution::validate(&source.to_string()?, state.limits.get(), &state.capabilities())
            .map_err(|invalid| Exception::throw_type(ctx, &invalid.to_string()))?;
        Ok(boolean(ctx, true))
    })?;
    ccf.set("gov", gov)
}

/// Adds what `apply` may use.
pub(crate) fn install_effects(ccf: &Object<'_>, state: &Rc<State>, host: &Host) -> Result<()> {
    install_node(ccf, state, host)?;
    install_network(ccf, state, host)?;
    effect(ccf, state, host, "refreshAppBytecodeCache", "Failed to refresh bytecode", |host, tx| {
        host.refresh_app_bytecode_cache(tx)
    })?;
    let owner = host.clone();
    define(ccf, state, "setJwtPublicSigningKeys", 3, move |state, ctx, args| {
        let (issuer, metadata, keys) = (text(ctx, &args[0])?, json(ctx, &args[1])?, json(ctx, &args[2])?);
        let done = state.with_tx(ctx, |tx| {
            owner.borrow_mut().set_jwt_public_signing_keys(tx, &issuer, &metadata, &keys)
        })?;
        finish(ctx, "Error setting JWT public signing keys", done)
    })?;
    let owner = host.clone();
    define(ccf, state, "removeJwtPublicSigningKeys", 1, move |state, ctx, args| {
        let issuer = text(ctx, &args[0])?;
        let done = state.with_tx(ctx, |tx| owner.borrow_mut().remove_jwt_public_signing_keys(tx, &issuer))?;
        finish(ctx, "Failed to remove JWT public signing keys", done)
    })
}

fn install_node(ccf: &Object<'_>, state: &Rc<State>, host: &Host) -> Result<()> {
    let node = Object::new(ccf.ctx().clone())?;
    effect(&node, state, host, "triggerLedgerRekey", "Failed to rekey ledger", |host, tx| {
        host.rekey_ledger(tx)
    })?;
    let failed = "Unable to trigger recovery shares refresh";
    effect(&node, state, host, "triggerRecoverySharesRefresh", failed, |host, tx| {
        host.refresh_recovery_shares(tx)
    })?;
    effect(&node, state, host, "triggerLedgerChunk", "Unable to force ledger chunk", |host, tx| {
        host.trigger_ledger_chunk(tx)
    })?;
    effect(&node, state, host, "triggerSnapshot", "Unable to request snapshot", |host, tx| {
        host.trigger_snapshot(tx)
    })?;
    let owner = host.clone();
    define(&node, state, "transitionServiceToOpen", 2, move |state, ctx, args| {
        let previous = if args[0].is_undefined() {
            None
        } else {
            Some(pem(ctx, &args[0], "Previous service identity argument is not an array buffer")?)
        };
        if args[1].is_undefined() {
            return Err(Exception::throw_internal(ctx, "Proposal requires a service identity"));
        }
        let next = pem(ctx, &args[1], "Next service identity argument is not an array buffer")?;
        let done = state.with_tx(ctx, |tx| {
            owner.borrow_mut().transition_service_to_open(tx, previous.as_deref(), &next)
        })?;
        finish(ctx, "Unable to open service", done)
    })?;
    ccf.set("node", node)
}

fn install_network(ccf: &Object<'_>, state: &Rc<State>, host: &Host) -> Result<()> {
    let network = Object::new(ccf.ctx().clone())?;
    let owner = host.clone();
    define(&network, state, "getLatestLedgerSecretSeqno", 0, move |state, ctx, _| {
        let seqno = state.with_tx(ctx, |tx| owner.borrow_mut().latest_ledger_secret_seqno(tx))?;
        let seqno = seqno.map_err(refused(ctx, "Failed to fetch latest ledger secret seqno"))?;
        Ok(number(ctx, seqno.0 as f64))
    })?;
    let owner = host.clone();
    define(&network, state, "generateEndorsedCertificate", 3, move |_, ctx, args| {
        let (request, from) = (text(ctx, &args[0])?, text(ctx, &args[1])?);
        let endorsed = owner.borrow_mut().endorse_certificate(&request, &from, days(ctx, &args[2])?);
        string(ctx, &endorsed.map_err(refused(ctx, "Failed to create endorsed cert"))?)
    })?;
    let owner = host.clone();
    define(&network, state, "generateNetworkCertificate", 2, move |_, ctx, args| {
        let from = text(ctx, &args[0])?;
        let renewed = owner.borrow_mut().renew_service_certificate(&from, days(ctx, &args[1])?);
        string(ctx, &renewed.map_err(refused(ctx, "Error"))?)
    })?;
    ccf.set("network", network)
}

/// Adds a function without arguments or result.
fn effect<'js>(
    object: &Object<'js>,
    state: &Rc<State>,
    host: &Host,
    name: &'static str,
    failed: &'static str,
    run: fn(&mut dyn GovernanceHost, &mut Tx) -> std::result::Result<(), HostRefusal>,
) -> Result<()> {
    let host = host.clone();
    define(object, state, name, 0, move |state, ctx, _| {
        let done = state.with_tx(ctx, |tx| run(&mut *host.borrow_mut(), tx))?;
        finish(ctx, failed, done)
    })
}

fn finish<'js>(
    ctx: &Ctx<'js>,
    failed: &str,
    done: std::result::Result<(), HostRefusal>,
) -> Result<Value<'js>> {
    done.map_err(refused(ctx, failed))?;
    Ok(undefined(ctx))
}

/// Throws what the host answered.
fn refused(ctx: &Ctx<'_>, failed: &str) -> impl Fn(HostRefusal) -> rquickjs::Error {
    move |refusal| Exception::throw_internal(ctx, &format!("{failed}: {refusal}"))
}

fn pem<'js>(ctx: &Ctx<'js>, value: &Value<'js>, message: &str) -> Result<String> {
    if ArrayBuffer::from_value(value.clone()).is_none() {
        ctx.catch();
        return Err(Exception::throw_type(ctx, message));
    }
    String::from_utf8(bytes(ctx, value, message)?).map_err(|_| Exception::throw_type(ctx, "not PEM"))
}

fn json<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> Result<serde_json::Value> {
    let text = to_json(ctx, value)?.unwrap_or_default();
    serde_json::from_str(&text).map_err(|_| Exception::throw_type(ctx, "argument is not JSON"))
}

fn days<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> Result<u32> {
    let days = Coerced::<f64>::from_js(ctx, value.clone())?.0;
    if !(0.0..=f64::from(u32::MAX)).contains(&days) {
        return Err(Exception::throw_range(ctx, "Invalid number of days"));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range was checked")]
    Ok(days as u32)
}
