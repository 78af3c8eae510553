//! What `range` of a table visits, which CCF has not.

use std::ops::{Bound, RangeBounds};

use coco_kv::Order;
use rquickjs::{Ctx, Exception, Function, Result, Value};

use crate::{
    realm::{buffer, bytes},
    state::State,
};

/// Rows to be visited.
pub(super) struct Range {
    from: Bound<Vec<u8>>,
    to: Bound<Vec<u8>>,
    pub(super) order: Order,
    /// Most rows.
    pub(super) limit: u64,
}

impl Range {
    /// All rows, in the order of their keys.
    pub(super) fn all() -> Self {
        Self { from: Bound::Unbounded, to: Bound::Unbounded, order: Order::Ascending, limit: u64::MAX }
    }

    /// Reads the options of a script, which may be undefined, as may each of them: `from`, the first key; `to`, the key
    /// behind the last; `reverse`, whether the last comes first; `limit`, most rows.
    pub(super) fn read<'js>(state: &State, ctx: &Ctx<'js>, options: &Value<'js>) -> Result<Self> {
        if options.is_undefined() {
            return Ok(Self::all());
        }
        let options = options.as_object().filter(|options| !options.is_function());
        let options = options.ok_or_else(|| Exception::throw_type(ctx, "Options must be an object"))?;
        let (from, to): (Value<'js>, Value<'js>) = (options.get("from")?, options.get("to")?);
        let (reverse, most): (Value<'js>, Value<'js>) = (options.get("reverse")?, options.get("limit")?);
        let key = |value: &Value<'js>, message| -> Result<Option<Vec<u8>>> {
            if value.is_undefined() {
                return Ok(None);
            }
            let key = bytes(ctx, value, message)?;
            state.keep(ctx, key.len())?;
            Ok(Some(key))
        };
        Ok(Self {
            from: key(&from, "from must be an ArrayBuffer")?.map_or(Bound::Unbounded, Bound::Included),
            to: key(&to, "to must be an ArrayBuffer")?.map_or(Bound::Unbounded, Bound::Excluded),
            order: match reverse.as_bool() {
                Some(true) => Order::Descending,
                Some(false) => Order::Ascending,
                None if reverse.is_undefined() => Order::Ascending,
                None => return Err(Exception::throw_type(ctx, "reverse must be a boolean")),
            },
            limit: limit(ctx, &most)?,
        })
    }

    /// Its bounds; no key lies within some.
    pub(super) fn bounds(&self) -> (Bound<&[u8]>, Bound<&[u8]>) {
        (self.from.as_ref().map(|key| &**key), self.to.as_ref().map(|key| &**key))
    }

    /// Whether a key lies within the bounds.
    pub(super) fn contains(&self, key: &[u8]) -> bool {
        RangeBounds::<[u8]>::contains(&self.bounds(), key)
    }
}

fn limit(ctx: &Ctx<'_>, value: &Value<'_>) -> Result<u64> {
    if value.is_undefined() {
        return Ok(u64::MAX);
    }
    let limit = value.as_number().filter(|limit| limit.fract() == 0.0 && *limit >= 0.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is a natural number")]
    limit
        .map(|limit| limit as u64)
        .ok_or_else(|| Exception::throw_type(ctx, "limit must be a natural number"))
}

/// Calls `visit` with value, key and table; returns whether it wants the next row, which it does unless it returned
/// `false`.
pub(super) fn visit_row<'js>(
    ctx: &Ctx<'js>,
    visit: &Function<'js>,
    table: &Value<'js>,
    key: &[u8],
    value: &[u8],
) -> Result<bool> {
    let returned: Value<'js> = visit.call((buffer(ctx, value)?, buffer(ctx, key)?, table.clone()))?;
    Ok(returned.as_bool() != Some(false))
}
