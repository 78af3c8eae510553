//! `ccf.kv`: the tables of the transaction.

use std::{collections::BTreeMap, mem, ops::ControlFlow, rc::Rc};

use coco_kv::{Reader, Store, Tx};
use coco_tables::{Access, Context};
use coco_wire::TableName;
use rquickjs::{Ctx, Exception, Function, Object, Result, Value};

use super::range::{Range, visit_row};
use crate::{
    realm::{boolean, buffer, bytes, define, number, text, undefined},
    state::State,
};

/// Tables that scripts have named; their numbers are their positions.
#[derive(Default)]
pub(crate) struct OpenTables {
    tables: Vec<OpenTable>,
    numbers: BTreeMap<TableName, usize>,
}

struct OpenTable {
    name: TableName,
    access: Access,
    /// Why it is less than applications have, if it is.
    reason: Option<&'static str>,
}

impl OpenTables {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.tables.len()
    }
}

/// What an operation does to a table.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Read,
    Write,
}

const MAX_TABLES: usize = 4096;
const MAX_NAME_BYTES: usize = 4096;
/// What a row costs when it is removed.
const ROW_BYTES: usize = 64;

const EXPLANATION: &str = "https://microsoft.github.io/CCF/main/audit/read_write_restrictions.html";
const ONE_BUFFER: &str = "Argument must be an ArrayBuffer";
const TWO_BUFFERS: &str = "Arguments must be ArrayBuffers";

/// The native half of the tables, which `ccf.js` completes.
pub(crate) fn natives<'js>(ctx: &Ctx<'js>, state: &Rc<State>) -> Result<Object<'js>> {
    let tables = Object::new(ctx.clone())?;
    define(&tables, state, "open", 1, |state, ctx, args| open(state, ctx, &text(ctx, &args[0])?))?;
    define_reads(&tables, state)?;
    define_writes(&tables, state)?;
    Ok(tables)
}

fn open<'js>(state: &State, ctx: &Ctx<'js>, name: &str) -> Result<Value<'js>> {
    let mut open = state.tables.borrow_mut();
    if let Some(known) = open.numbers.get(name) {
        return Ok(number(ctx, *known as f64));
    }
    if open.len() == MAX_TABLES || name.len() > MAX_NAME_BYTES {
        return Err(Exception::throw_range(ctx, "too many tables, or too long a name"));
    }
    let refuse =
        |reserved| Exception::throw_type(ctx, &format!("Cannot open table named {name}: {reserved}"));
    let name = TableName::new(name);
    let access = Access::of(state.context, &name).map_err(refuse)?;
    let (access, reason) = state.extension.get().restrict(&name, access);
    let known = open.len();
    open.numbers.insert(name.clone(), known);
    open.tables.push(OpenTable { name, access, reason });
    Ok(number(ctx, known as f64))
}

fn define_reads<'js>(tables: &Object<'js>, state: &Rc<State>) -> Result<()> {
    define(tables, state, "has", 2, |state, ctx, args| {
        let (table, key) = keyed(state, ctx, args, "has", Operation::Read)?;
        Ok(boolean(ctx, state.with_tx(ctx, |tx| tx.has(&table, &key))?))
    })?;
    define(tables, state, "get", 2, |state, ctx, args| {
        let (table, key) = keyed(state, ctx, args, "get", Operation::Read)?;
        match state.with_tx(ctx, |tx| tx.get(&table, &key))? {
            Some(value) => buffer(ctx, &value),
            None => Ok(undefined(ctx)),
        }
    })?;
    define(tables, state, "version", 2, |state, ctx, args| {
        let (table, key) = keyed(state, ctx, args, "getVersionOfPreviousWrite", Operation::Read)?;
        let version = state.with_tx(ctx, |tx| tx.version_of_previous_write(&table, &key))?;
        Ok(version.map_or_else(|| undefined(ctx), |seqno| number(ctx, seqno.0 as f64)))
    })?;
    define(tables, state, "size", 1, |state, ctx, args| {
        let table = permitted(state, ctx, &args[0], "size", Operation::Read)?;
        Ok(number(ctx, state.with_tx(ctx, |tx| tx.len(&table))? as f64))
    })?;
    define(tables, state, "forEach", 3, |state, ctx, args| {
        let table = permitted(state, ctx, &args[0], "forEach", Operation::Read)?;
        let visit: Function<'js> = args[1].get()?;
        visit_rows(state, ctx, &table, &Range::all(), |key, value| {
            visit_row(ctx, &visit, &args[2], key, value).map(|_| true)
        })
    })?;
    define(tables, state, "range", 4, |state, ctx, args| {
        let table = permitted(state, ctx, &args[0], "range", Operation::Read)?;
        let visit: Function<'js> = args[1].get()?;
        let range = Range::read(state, ctx, &args[3])?;
        visit_rows(state, ctx, &table, &range, |key, value| visit_row(ctx, &visit, &args[2], key, value))
    })
}

/// Calls `visit` with the rows as they are now, until it says that it wants no more. It may use the transaction.
fn visit_rows<'js>(
    state: &State,
    ctx: &Ctx<'js>,
    table: &TableName,
    range: &Range,
    mut visit: impl FnMut(&[u8], &[u8]) -> Result<bool>,
) -> Result<Value<'js>> {
    let mut left = range.limit;
    if left == 0 {
        return Ok(undefined(ctx));
    }
    let Some(mut tx) = state.take_tx() else {
        return Err(Exception::throw_internal(ctx, "No transaction available"));
    };
    let mut outcome = Ok(true);
    // Stands in the place of the transaction while the callback has that.
    let mut spare = Some(Tx::new(Store::new().latest()));
    tx.for_each(table, range.bounds(), range.order, |tx, key, value| {
        let stand_in = spare.take().expect("it is back after each row");
        state.lend_tx(mem::replace(tx, stand_in));
        outcome = visit(key, value);
        left -= 1;
        let lent = state.take_tx().expect("a callback does not keep the transaction");
        spare = Some(mem::replace(tx, lent));
        if left > 0 && matches!(outcome, Ok(true)) {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    });
    state.lend_tx(tx);
    outcome.map(|_| undefined(ctx))
}

fn define_writes<'js>(tables: &Object<'js>, state: &Rc<State>) -> Result<()> {
    define(tables, state, "set", 3, |state, ctx, args| {
        let table = permitted(state, ctx, &args[0], "set", Operation::Write)?;
        let key = bytes(ctx, &args[1], TWO_BUFFERS)?;
        let value = bytes(ctx, &args[2], TWO_BUFFERS)?;
        state.keep(ctx, key.len() + value.len())?;
        state.with_tx(ctx, |tx| tx.put(&table, key, value))?;
        Ok(undefined(ctx))
    })?;
    define(tables, state, "delete", 2, |state, ctx, args| {
        let (table, key) = keyed(state, ctx, args, "delete", Operation::Write)?;
        state.with_tx(ctx, |tx| tx.remove(&table, key))?;
        Ok(undefined(ctx))
    })?;
    define(tables, state, "clear", 1, |state, ctx, args| {
        let table = permitted(state, ctx, &args[0], "clear", Operation::Write)?;
        let size = state.with_tx(ctx, |tx| tx.len(&table))?;
        state.keep(ctx, size.saturating_mul(ROW_BYTES))?;
        state.with_tx(ctx, |tx| tx.clear(&table))?;
        Ok(undefined(ctx))
    })
}

/// The table and the key, which the transaction will remember.
fn keyed<'js>(
    state: &State,
    ctx: &Ctx<'js>,
    args: &[Value<'js>],
    method: &str,
    operation: Operation,
) -> Result<(TableName, Vec<u8>)> {
    let table = permitted(state, ctx, &args[0], method, operation)?;
    let key = bytes(ctx, &args[1], ONE_BUFFER)?;
    state.keep(ctx, key.len())?;
    Ok((table, key))
}

/// The table of that number, unless the script may not do that with it.
fn permitted<'js>(
    state: &State,
    ctx: &Ctx<'js>,
    table: &Value<'js>,
    method: &str,
    operation: Operation,
) -> Result<TableName> {
    let open = state.tables.borrow();
    let Some(OpenTable { name, access, reason }) = open.tables.get(table.get::<usize>()?) else {
        return Err(Exception::throw_internal(ctx, "no such table handle"));
    };
    let allowed = match operation {
        Operation::Read => access.can_read(),
        Operation::Write => access.can_write(),
    };
    if allowed {
        return Ok(name.clone());
    }
    let name = name.as_str();
    if let Some(reason) = reason {
        let message = format!("Cannot call {method} on table named {name}. {reason}");
        return Err(Exception::throw_type(ctx, &message));
    }
    let kind = match access {
        Access::ReadWrite => "read-write",
        Access::ReadOnly => "read-only",
        Access::WriteOnly => "write-only",
        Access::Illegal => "inaccessible",
    };
    let context = match state.context {
        Context::Application => "application",
        Context::ApplicationReadOnly => "read-only application",
        Context::Governance => "read-write governance",
        Context::GovernanceReadOnly => "read-only governance",
    };
    let message = format!(
        "Cannot call {method} on table named {name}. This table is {kind} in current ({context}) execution \
         context. See {EXPLANATION} for more detail."
    );
    Err(Exception::throw_type(ctx, &message))
}
