//! `ccf.historical`: committed transactions, as what each of them wrote.

use std::{rc::Rc, sync::Arc};

use coco_app::{Historical, Lookup};
use coco_kv::Order;
use coco_tables::{Access, Context};
use coco_wire::{
    Seqno, TableName,
    receipt::{JsonReceipt, ReceiptLeaf},
    text::Base64,
    writes::TableWrites,
};
use rquickjs::{Array, Ctx, Exception, Function, Object, Result, Value};
use serde_json::json;

use super::{
    consensus::{during, natural},
    range::{Range, visit_row},
};
use crate::{
    realm::{boolean, buffer, bytes, define, number, string, text, undefined},
    state::State,
};

/// Past transactions that the scripts of one call were shown. Numbers are never used twice in an interpreter.
#[derive(Default)]
pub(crate) struct Past {
    /// Number of the first of `shown`.
    first: u64,
    shown: Vec<Arc<Historical>>,
    /// Handles that states were asked for by and not dropped.
    handles: Vec<u64>,
}

impl Past {
    /// Most handles that are remembered.
    const MAX_HANDLES: usize = 1024;

    /// Forgets what the last call was shown.
    pub(crate) fn forget(&mut self) {
        self.first += self.shown.len() as u64;
        self.shown.clear();
    }

    fn show(&mut self, historical: &Arc<Historical>) -> f64 {
        self.shown.push(historical.clone());
        (self.first + self.shown.len() as u64 - 1) as f64
    }

    fn of(&self, number: u64) -> Option<&Arc<Historical>> {
        self.shown.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    fn note(&mut self, handle: u64) {
        if !self.handles.contains(&handle) {
            if self.handles.len() == Self::MAX_HANDLES {
                self.handles.remove(0);
            }
            self.handles.push(handle);
        }
    }

    fn drop_handle(&mut self, handle: u64) -> bool {
        let at = self.handles.iter().position(|known| *known == handle);
        at.map(|at| self.handles.remove(at)).is_some()
    }
}

/// The native half, which `historical.js` completes.
pub(crate) fn natives<'js>(ctx: &Ctx<'js>, state: &Rc<State>) -> Result<Object<'js>> {
    let native = Object::new(ctx.clone())?;
    define(&native, state, "range", 4, range)?;
    define(&native, state, "drop", 1, |state, ctx, args| {
        let handle = natural(ctx, &args[0], "Invalid handle: cannot be negative")?;
        Ok(boolean(ctx, state.past.borrow_mut().drop_handle(handle)))
    })?;
    define(&native, state, "current", 0, |state, ctx, _| {
        let current = during(state, ctx, |occasion| occasion.historical.cloned())?;
        let current = current.ok_or_else(|| Exception::throw_internal(ctx, "The call reads the present"))?;
        Ok(number(ctx, state.past.borrow_mut().show(&current)))
    })?;
    define(&native, state, "id", 1, |state, ctx, args| {
        string(ctx, &shown(state, ctx, &args[0])?.txid.to_string())
    })?;
    define(&native, state, "receipt", 1, |state, ctx, args| {
        let shown = shown(state, ctx, &args[0])?;
        string(ctx, &shown.receipt.json.as_ref().map_or_else(|| "null".into(), described))
    })?;
    native.set("tables", tables(ctx, state)?)?;
    Ok(native)
}

/// Arguments: handle, first and last seqno, seconds that the states are kept. The node keeps them as it keeps all.
fn range<'js>(state: &State, ctx: &Ctx<'js>, args: &[Value<'js>]) -> Result<Value<'js>> {
    let argument = |value| natural(ctx, value, "Invalid handle or seqno or expiry: cannot be negative");
    let (handle, from, to) = (argument(&args[0])?, argument(&args[1])?, argument(&args[2])?);
    argument(&args[3])?;
    let fail = |reason: &str| Exception::throw_internal(ctx, &format!("Failed to get state range: {reason}"));
    if from > to || to - from >= MAX_RANGE {
        return Err(fail(&format!("{from} to {to} is no range of at most {MAX_RANGE} transactions")));
    }
    let seqnos: Vec<_> = (from..=to).map(Seqno).collect();
    let found = during(state, ctx, |occasion| occasion.services.history(&seqnos))?;
    match found.map_err(|reject| fail(&reject.message))? {
        Lookup::Loading => {
            state.past.borrow_mut().note(handle);
            Ok(Value::new_null(ctx.clone()))
        }
        Lookup::Found(states) => {
            let numbers = Array::new(ctx.clone())?;
            let mut past = state.past.borrow_mut();
            past.note(handle);
            for (at, historical) in states.iter().enumerate() {
                numbers.set(at, past.show(historical))?;
            }
            Ok(numbers.into_value())
        }
    }
}

/// Most transactions that are asked for at a time.
const MAX_RANGE: u64 = 10_000;

fn shown<'js>(state: &State, ctx: &Ctx<'js>, number: &Value<'js>) -> Result<Arc<Historical>> {
    let number = natural(ctx, number, "no such state")?;
    let shown = state.past.borrow().of(number).cloned();
    shown.ok_or_else(|| Exception::throw_internal(ctx, "The state belongs to a request that is over"))
}

/// As CCF describes a receipt to scripts (`src/js/extensions/ccf/historical.cpp`).
fn described(receipt: &JsonReceipt) -> String {
    let mut described = json!({
        "signature": Base64(receipt.signature.clone()),
        "cert": receipt.cert,
        "node_id": receipt.node_id,
    });
    match &receipt.leaf {
        ReceiptLeaf::Components(components) => {
            described["is_signature_transaction"] = false.into();
            described["leaf_components"] = json!(components);
            described["proof"] = json!(receipt.proof);
        }
        ReceiptLeaf::Digest(root) => {
            described["is_signature_transaction"] = true.into();
            described["root_hex"] = json!(root);
        }
    }
    described.to_string()
}

fn tables<'js>(ctx: &Ctx<'js>, state: &Rc<State>) -> Result<Object<'js>> {
    let tables = Object::new(ctx.clone())?;
    define(&tables, state, "open", 2, |state, ctx, args| {
        let table = text(ctx, &args[1])?;
        Access::of(state.context, &TableName::new(&table)).map_err(|reserved| {
            Exception::throw_type(ctx, &format!("Cannot open table named {table}: {reserved}"))
        })?;
        Ok(undefined(ctx))
    })?;
    define(&tables, state, "has", 3, |state, ctx, args| {
        let key = bytes(ctx, &args[2], ONE_BUFFER)?;
        let has = |writes: &TableWrites| writes.get(&*key).is_some_and(Option::is_some);
        Ok(boolean(ctx, read(state, ctx, args, "has", has)?.unwrap_or(false)))
    })?;
    define(&tables, state, "get", 3, |state, ctx, args| {
        let key = bytes(ctx, &args[2], ONE_BUFFER)?;
        let value = read(state, ctx, args, "get", |writes| writes.get(&*key).cloned().flatten())?.flatten();
        value.map_or_else(|| Ok(undefined(ctx)), |value| buffer(ctx, &value))
    })?;
    define(&tables, state, "version", 3, |state, ctx, args| {
        let key = bytes(ctx, &args[2], ONE_BUFFER)?;
        let has = |writes: &TableWrites| writes.get(&*key).is_some_and(Option::is_some);
        let has = read(state, ctx, args, "getVersionOfPreviousWrite", has)?.unwrap_or(false);
        let seqno = shown(state, ctx, &args[0])?.txid.seqno;
        Ok(if has { number(ctx, seqno.0 as f64) } else { undefined(ctx) })
    })?;
    define(&tables, state, "size", 2, |state, ctx, args| {
        let count = |writes: &TableWrites| writes.values().filter(|value| value.is_some()).count();
        Ok(number(ctx, read(state, ctx, args, "size", count)?.unwrap_or(0) as f64))
    })?;
    define(&tables, state, "forEach", 4, |state, ctx, args| {
        let visit: Function<'js> = args[2].get()?;
        visit_rows(state, ctx, args, "forEach", &Range::all(), |key, value| {
            visit_row(ctx, &visit, &args[3], key, value).map(|_| true)
        })
    })?;
    define(&tables, state, "range", 5, |state, ctx, args| {
        let visit: Function<'js> = args[2].get()?;
        let range = Range::read(state, ctx, &args[4])?;
        visit_rows(state, ctx, args, "range", &range, |key, value| {
            visit_row(ctx, &visit, &args[3], key, value)
        })
    })?;
    Ok(tables)
}

/// Calls `visit` with what the transaction wrote, until it says that it wants no more.
fn visit_rows<'js>(
    state: &State,
    ctx: &Ctx<'js>,
    args: &[Value<'js>],
    method: &str,
    range: &Range,
    mut visit: impl FnMut(&[u8], &[u8]) -> Result<bool>,
) -> Result<Value<'js>> {
    let rows = |writes: &TableWrites| {
        let rows = writes.iter().filter(|(key, _)| range.contains(key));
        let mut rows: Vec<_> = rows.filter_map(|(key, value)| Some((key.clone(), value.clone()?))).collect();
        if range.order == Order::Descending {
            rows.reverse();
        }
        rows
    };
    let rows = read(state, ctx, args, method, rows)?.unwrap_or_default();
    let most = usize::try_from(range.limit).unwrap_or(usize::MAX);
    for (key, value) in rows.iter().take(most) {
        if !visit(key, value)? {
            break;
        }
    }
    Ok(undefined(ctx))
}

const ONE_BUFFER: &str = "Argument must be an ArrayBuffer";

/// What `body` makes of what the transaction wrote to the table, if it wrote anything there.
fn read<'js, T>(
    state: &State,
    ctx: &Ctx<'js>,
    args: &[Value<'js>],
    method: &str,
    body: impl FnOnce(&TableWrites) -> T,
) -> Result<Option<T>> {
    let table = TableName::new(&text(ctx, &args[1])?);
    // What scripts may not read now they may not read of the past either.
    let access = Access::of(state.context, &table).unwrap_or(Access::Illegal);
    let readable = state.extension.get().restrict(&table, access).0 != Access::Illegal;
    if !readable || state.context == Context::Governance {
        let message = format!("Cannot call {method} on table named {}.", table.as_str());
        return Err(Exception::throw_type(ctx, &message));
    }
    Ok(shown(state, ctx, &args[0])?.writes.table(table.as_str()).map(body))
}
