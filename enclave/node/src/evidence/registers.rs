//! Registers that hardware extends, and the values that members let them have.

use coco_kv::{Reader, Table};
use coco_tables::value::Registers;
use coco_wire::text::encode_hex;

use super::Unwelcome;

/// Whether each register with a row has one of the values there; `value` is what evidence says of one, and a register that
/// it does not say is refused. A row that cannot be read admits nobody. Returns the numbers of the rows.
pub(super) fn admit<'a>(
    table: &Table<String, Registers>,
    state: &impl Reader,
    value: impl Fn(u8) -> Option<&'a [u8]>,
) -> Result<Vec<u8>, Unwelcome> {
    let mut numbers = Vec::new();
    for row in table.iter(state) {
        let (number, allowed) = row?;
        let parsed: Option<u8> = number.parse().ok();
        let number = parsed.filter(|parsed| parsed.to_string() == number).ok_or(Unwelcome::Registers)?;
        let found = encode_hex(value(number).ok_or(Unwelcome::Registers)?);
        if !allowed.0.contains(&found) {
            return Err(Unwelcome::Registers);
        }
        numbers.push(number);
    }
    Ok(numbers)
}
