//! What a call touches, as a list that pays for it in advance (go-ethereum, `eth/tracers/logger/access_list_tracer.go`).

use std::collections::{BTreeMap, BTreeSet};

use alloy_eips::eip2930::{AccessList, AccessListItem};
use alloy_primitives::{Address, B256, U256};
use coco_kv::Reader;
use revm::{
    Database as _, InspectEvm as _, Inspector, MainBuilder as _,
    bytecode::opcode,
    interpreter::{Interpreter, interpreter_types::Jumps as _},
};

use crate::{Call, Execution, Outcome, Refused, Simulation};

/// Most executions: a list that pays for other slots may send a contract another way.
const MAX_EXECUTIONS: usize = 16;

/// What a call touches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accessed {
    /// Addresses and slots, in order.
    pub list: AccessList,
    /// The gas that the call uses with it.
    pub gas_used: u64,
    /// How it ended with it.
    pub outcome: Outcome,
}

/// Notes what is touched.
struct Touched {
    slots: BTreeMap<Address, BTreeSet<B256>>,
    /// Addresses that cost nothing: they are noted for their slots alone.
    free: BTreeSet<Address>,
}

impl<R: Reader> Simulation<'_, R> {
    /// What a call touches, less its caller, whom it calls and precompiled contracts, unless slots of these are touched.
    /// It is tried with what it touched until that is all of it.
    ///
    /// # Errors
    /// See [`Refused`].
    pub fn access_list(&self, call: &Call) -> Result<Accessed, Refused> {
        let gas = call.gas.unwrap_or(self.max_gas).min(self.max_gas);
        let free = self.free(call)?;
        let mut touched = Touched::new(free, call.access_list.as_ref());
        let mut call = Call { access_list: Some(touched.list()), ..call.clone() };
        let mut found = None;
        for _ in 0..MAX_EXECUTIONS {
            let list = touched.list();
            call.access_list = Some(list.clone());
            let execution;
            (touched, execution) = self.watch(&call, gas, touched)?;
            let is_all = touched.list() == list;
            let Execution { gas_used, outcome, .. } = execution;
            found = Some(Accessed { list, gas_used, outcome });
            if is_all {
                break;
            }
        }
        Ok(found.expect("a call is tried at least once"))
    }

    fn watch(&self, call: &Call, gas: u64, touched: Touched) -> Result<(Touched, Execution), Refused> {
        let machine = self.context(call).build_mainnet_with_inspector(touched);
        let mut machine = machine.with_precompiles(self.precompiled());
        let found = machine.inspect_tx(self.environment(call, gas))?;
        Ok((machine.into_inspector(), found.result.into()))
    }

    fn free(&self, call: &Call) -> Result<BTreeSet<Address>, Refused> {
        let to = match call.to {
            Some(to) => to,
            None => {
                let account = self.state().basic(call.from)?;
                call.from.create(account.map_or(0, |account| account.nonce))
            }
        };
        let mut free: BTreeSet<Address> = self.precompiled().addresses().iter().copied().collect();
        free.extend([call.from, to]);
        free.extend(call.authorizations.iter().filter_map(|it| it.recover_authority().ok()));
        Ok(free)
    }
}

impl Touched {
    fn new(free: BTreeSet<Address>, list: Option<&AccessList>) -> Self {
        let mut new = Self { slots: BTreeMap::new(), free };
        for item in list.into_iter().flat_map(|list| &list.0) {
            new.address(item.address);
            for slot in &item.storage_keys {
                new.slots.entry(item.address).or_default().insert(*slot);
            }
        }
        new
    }

    fn address(&mut self, address: Address) {
        if !self.free.contains(&address) {
            self.slots.entry(address).or_default();
        }
    }

    fn list(&self) -> AccessList {
        let items = self.slots.iter().map(|(address, slots)| AccessListItem {
            address: *address,
            storage_keys: slots.iter().copied().collect(),
        });
        AccessList(items.collect())
    }
}

impl<C> Inspector<C> for Touched {
    fn step(&mut self, at: &mut Interpreter, _: &mut C) {
        let top = |index| at.stack.peek(index).ok();
        let address = |word: U256| Address::from_word(word.into());
        match at.bytecode.opcode() {
            opcode::SLOAD | opcode::SSTORE => {
                if let Some(slot) = top(0) {
                    self.slots.entry(at.input.target_address).or_default().insert(slot.into());
                }
            }
            opcode::EXTCODECOPY
            | opcode::EXTCODEHASH
            | opcode::EXTCODESIZE
            | opcode::BALANCE
            | opcode::SELFDESTRUCT => {
                if let Some(word) = top(0) {
                    self.address(address(word));
                }
            }
            opcode::CALL | opcode::CALLCODE | opcode::STATICCALL | opcode::DELEGATECALL => {
                if let Some(word) = top(1).filter(|_| at.stack.len() >= 5) {
                    self.address(address(word));
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
