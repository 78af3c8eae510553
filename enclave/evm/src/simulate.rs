//! Calls that nobody signed, on any state of the store, which they leave as it is.

use std::collections::BTreeMap;

use alloy_eips::{eip2930::AccessList, eip7702::SignedAuthorization};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use coco_kv::Reader;
use revm::{
    Database, ExecuteEvm as _, MainBuilder as _,
    bytecode::Bytecode,
    context::{TxEnv, either::Either},
    handler::MainnetContext,
    state::AccountInfo,
};

use crate::{
    Account, Block, Execution, Fees, Refused, Rules, World,
    database::{Corrupt, View, bytecode},
    execute::context,
    random::Precompiled,
};

/// What is to be called. There is no nonce: nobody would check it, and contracts are created at that of the state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// Who calls; it may be a contract.
    pub from: Address,
    /// Whom; none creates a contract.
    pub to: Option<Address>,
    /// Most gas; none for as much as there may be.
    pub gas: Option<u64>,
    /// What is offered for gas.
    pub price: Price,
    /// What is sent along, in wei, which the caller must have.
    pub value: U256,
    /// The input, or the code that creates.
    pub data: Bytes,
    /// Addresses and slots that are paid for in advance (EIP-2930).
    pub access_list: Option<AccessList>,
    /// Accounts that are to have code (EIP-7702).
    pub authorizations: Vec<SignedAuthorization>,
}

/// What a call offers for a unit of gas, in wei. An offer of zero is as none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Price {
    /// Nothing: the block's price does not count, and the caller needs no balance for gas.
    #[default]
    None,
    /// A price.
    Fixed(u128),
    /// At most `max`, of which at most `tip` is for the block (EIP-1559).
    Dynamic {
        /// Most in all.
        max: u128,
        /// Most above the price of the block.
        tip: u128,
    },
}

/// What an account is to have in place of what it has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Override {
    /// In wei.
    pub balance: Option<U256>,
    /// How many transactions it sent.
    pub nonce: Option<u64>,
    /// Its code.
    pub code: Option<Bytes>,
    /// Its storage.
    pub slots: Slots,
}

/// What storage is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Slots {
    /// As it is.
    #[default]
    Kept,
    /// With these changed (`stateDiff`).
    Changed(BTreeMap<U256, U256>),
    /// These and no others (`state`).
    Replaced(BTreeMap<U256, U256>),
}

/// By address.
pub type Overrides = BTreeMap<Address, Override>;

/// Where calls are tried. What a block is to say in place of what it says is in `block`, whose fields anybody may set.
pub struct Simulation<'a, R> {
    /// The tables.
    pub world: &'a World,
    /// The state.
    pub from: &'a R,
    /// The rules of the block.
    pub rules: Rules,
    /// The block; its seed must be of another domain than those of transactions.
    pub block: Block<'a>,
    /// What is to be other than in the state.
    pub overrides: &'a Overrides,
    /// Most gas of a call, whatever it asks for.
    pub max_gas: u64,
}

/// The state with what overrides it.
pub(crate) struct Overlaid<'a, R> {
    view: View<'a, R>,
    overrides: &'a Overrides,
}

impl Call {
    /// The price for a unit of gas that the caller must be able to pay, if it offers any.
    pub(crate) fn max_price(&self, fees: Fees) -> Option<u128> {
        let max = match (fees, self.price) {
            (Fees::Free, _) | (_, Price::None) => 0,
            (_, Price::Fixed(max) | Price::Dynamic { max, .. }) => max,
        };
        Some(max).filter(|max| *max > 0)
    }

    fn environment(&self, gas_limit: u64, rules: &Rules) -> TxEnv {
        let paid = self.max_price(rules.fees);
        let tip = match self.price {
            Price::Dynamic { tip, .. } => Some(paid.map_or(0, |_| tip)),
            Price::None | Price::Fixed(_) => None,
        };
        let tx_type = match (self.authorizations.is_empty(), tip, &self.access_list) {
            (false, _, _) => 4,
            (true, Some(_), _) => 2,
            (true, None, Some(_)) => 1,
            (true, None, None) => 0,
        };
        TxEnv {
            tx_type,
            caller: self.from,
            gas_limit,
            gas_price: paid.unwrap_or(0),
            kind: self.to.map_or(TxKind::Create, TxKind::Call),
            value: self.value,
            data: self.data.clone(),
            nonce: 0,
            chain_id: Some(rules.chain_id),
            access_list: self.access_list.clone().unwrap_or_default(),
            gas_priority_fee: tip,
            blob_hashes: Vec::new(),
            max_fee_per_blob_gas: 0,
            authorization_list: self.authorizations.iter().cloned().map(Either::Left).collect(),
        }
    }
}

impl<R: Reader> Simulation<'_, R> {
    /// What would come of a call.
    ///
    /// # Errors
    /// See [`Refused`].
    pub fn call(&self, call: &Call) -> Result<Execution, Refused> {
        let gas = call.gas.unwrap_or(self.max_gas).min(self.max_gas);
        self.run(call, gas)
    }

    pub(crate) fn run(&self, call: &Call, gas: u64) -> Result<Execution, Refused> {
        let machine = self.context(call).build_mainnet();
        let mut machine = machine.with_precompiles(self.precompiled());
        Ok(machine.transact(call.environment(gas, &self.rules))?.result.into())
    }

    pub(crate) fn environment(&self, call: &Call, gas: u64) -> TxEnv {
        call.environment(gas, &self.rules)
    }

    pub(crate) fn precompiled(&self) -> Precompiled {
        Precompiled::new(self.rules.fork, self.block.seed)
    }

    /// A machine that does not ask whether a transaction could be like this.
    pub(crate) fn context(&self, call: &Call) -> MainnetContext<Overlaid<'_, R>> {
        let mut block = self.block;
        if call.max_price(self.rules.fees).is_none() {
            // Whoever offers nothing is not below the price, and contracts see none.
            block.base_fee = 0;
        }
        let mut context = context(self.state(), &self.rules, &block);
        context.cfg.disable_nonce_check = true;
        context.cfg.disable_eip3607 = true;
        context.cfg.disable_block_gas_limit = true;
        context.cfg.tx_gas_limit_cap = Some(u64::MAX);
        context
    }

    pub(crate) fn state(&self) -> Overlaid<'_, R> {
        let view = View { world: self.world, from: self.from, block_hash: self.block.hash_of };
        Overlaid { view, overrides: self.overrides }
    }
}

impl<R: Reader> Database for Overlaid<'_, R> {
    type Error = Corrupt;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, Corrupt> {
        let found = self.view.basic(address)?;
        let Some(other) = self.overrides.get(&address) else { return Ok(found) };
        let mut account = found.unwrap_or_else(|| AccountInfo {
            code_hash: Account::EMPTY.code_hash,
            code: None,
            ..AccountInfo::default()
        });
        account.balance = other.balance.unwrap_or(account.balance);
        account.nonce = other.nonce.unwrap_or(account.nonce);
        if let Some(code) = &other.code {
            let code = bytecode(code.clone());
            account.code_hash = code.hash_slow();
            account.code = Some(code);
        }
        Ok(Some(account))
    }

    fn code_by_hash(&mut self, code_hash: B256) -> Result<Bytecode, Corrupt> {
        self.view.code_by_hash(code_hash)
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, Corrupt> {
        match self.overrides.get(&address).map(|other| &other.slots) {
            Some(Slots::Replaced(slots)) => Ok(slots.get(&slot).copied().unwrap_or_default()),
            Some(Slots::Changed(slots)) if slots.contains_key(&slot) => Ok(slots[&slot]),
            _ => self.view.storage(address, slot),
        }
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, Corrupt> {
        self.view.block_hash(number)
    }
}

#[cfg(test)]
mod tests;
