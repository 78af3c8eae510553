//! Calls that nobody signed: tried, estimated, completed. They leave nothing behind.

use std::collections::BTreeMap;

use alloy_eips::eip2930::{AccessList, AccessListItem};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use coco_evm::{Accessed, Call, Outcome, Override, Overrides, Price, Simulation, Slots, Unestimable};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Reading;
use crate::{
    access::From as As,
    block,
    hex::{self, data, quantity},
    render,
    rpc::{Params, RpcError, read_slot},
    submit::{Hashes, refused},
};

/// Most slots that a request may override.
const MAX_SLOTS: usize = 10_000;
/// What is said of a failure to whoever may not know why.
const UNKNOWN: &str = "execution reverted";

type Answer = Result<Value, RpcError>;

/// A call as clients describe it (Ethereum execution APIs, `GenericTransaction`).
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    from: Option<String>,
    to: Option<String>,
    gas: Option<String>,
    gas_price: Option<String>,
    max_fee_per_gas: Option<String>,
    max_priority_fee_per_gas: Option<String>,
    value: Option<String>,
    nonce: Option<String>,
    input: Option<String>,
    data: Option<String>,
    chain_id: Option<String>,
    access_list: Option<Vec<Listed>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    address: String,
    #[serde(default)]
    storage_keys: Vec<String>,
}

/// What an account is to have (go-ethereum, `internal/ethapi/override`).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Other {
    balance: Option<String>,
    nonce: Option<String>,
    code: Option<String>,
    state: Option<BTreeMap<String, String>>,
    state_diff: Option<BTreeMap<String, String>>,
}

/// What a block is to say.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OtherBlock {
    number: Option<String>,
    time: Option<String>,
    gas_limit: Option<String>,
    fee_recipient: Option<String>,
    base_fee_per_gas: Option<String>,
    prev_randao: Option<String>,
}

/// A call, and what of it is exact to whoever asks.
struct Prepared {
    call: Call,
    /// Whether the caller is proved to be whom the call names.
    proved: bool,
}

pub(super) fn call(reading: &Reading<'_>, params: &Params<'_>) -> Answer {
    let prepared = prepare(reading, params, Unproved::CallsAsNobody)?;
    let overrides = overrides(reading, params)?;
    let found = simulate(reading, params, &overrides, |simulation| {
        simulation.call(&prepared.call).map_err(|why| refused(&why))
    })?;
    match found.outcome {
        Outcome::Called(output) | Outcome::Created { code: output, .. } => Ok(data(output)),
        outcome => Err(failed(&outcome)),
    }
}

pub(super) fn estimate(reading: &Reading<'_>, params: &Params<'_>) -> Answer {
    let prepared = prepare(reading, params, Unproved::CallsAsNamed)?;
    let overrides = overrides(reading, params)?;
    let estimated = simulate(reading, params, &overrides, |simulation| {
        simulation.estimate(&prepared.call).map_err(|why| unestimable(why, prepared.proved))
    })?;
    // Exact gas tells of the branches that were taken.
    let shown = if prepared.proved { estimated } else { estimated.next_multiple_of(1_000) };
    Ok(quantity(shown))
}

pub(super) fn access_list(reading: &Reading<'_>, params: &Params<'_>) -> Answer {
    let prepared = prepare(reading, params, Unproved::CallsAsNobody)?;
    let none = Overrides::new();
    let Accessed { list, gas_used, outcome } = simulate(reading, params, &none, |simulation| {
        simulation.access_list(&prepared.call).map_err(|why| refused(&why))
    })?;
    let mut answer = json!({ "accessList": render::access_list(&list), "gasUsed": quantity(gas_used) });
    if !matches!(outcome, Outcome::Called(_) | Outcome::Created { .. }) {
        answer["error"] = failed(&outcome).message.into();
    }
    Ok(answer)
}

/// Completes what a client left out of a transaction that it is going to sign (go-ethereum, `eth_fillTransaction`).
pub(super) fn fill(reading: &Reading<'_>, params: &Params<'_>) -> Answer {
    let request: Request = params.required(0)?;
    let prepared = prepare(reading, params, Unproved::CallsAsNamed)?;
    let call = &prepared.call;
    let chain_id = reading.chain.genesis.chain_id;
    if let Some(id) = &request.chain_id
        && hex::read_small(id).map_err(|why| wrong(&why))? != chain_id
    {
        return Err(RpcError::refused(format!("chainId does not match node's (have={id}, want={chain_id})")));
    }
    let nonce = match &request.nonce {
        Some(nonce) => hex::read_small(nonce).map_err(|why| wrong(&why))?,
        None => {
            let account = reading.tables.world.account(reading.state, &call.from)?;
            account.map(|account| account.nonce).unwrap_or_default()
        }
    };
    let gas = match call.gas {
        Some(gas) => gas,
        None => simulate(reading, params, &Overrides::new(), |simulation| {
            simulation.estimate(call).map_err(|why| unestimable(why, prepared.proved))
        })?
        .next_multiple_of(if prepared.proved { 1 } else { 1_000 }),
    };
    let price = u128::from(reading.chain.network.price());
    let (max, tip) = match call.price {
        Price::Dynamic { max, tip } => (max, tip),
        Price::Fixed(price) => (price, price),
        Price::None => (2 * price, 0),
    };
    let mut tx = alloy_consensus::TxEip1559 {
        chain_id,
        nonce,
        gas_limit: gas,
        max_fee_per_gas: max,
        max_priority_fee_per_gas: tip,
        to: call.to.map_or(alloy_primitives::TxKind::Create, alloy_primitives::TxKind::Call),
        value: call.value,
        input: call.data.clone(),
        ..Default::default()
    };
    tx.access_list = call.access_list.clone().unwrap_or_default();
    let mut raw = vec![2];
    alloy_rlp::Encodable::encode(&tx, &mut raw);
    let none = "0x0";
    let shown = json!({
        "type": "0x2", "chainId": quantity(chain_id), "nonce": quantity(nonce), "gas": quantity(gas),
        "gasPrice": null, "maxFeePerGas": quantity(max), "maxPriorityFeePerGas": quantity(tip),
        "to": call.to.map(data), "value": quantity(call.value), "input": data(&call.data),
        "accessList": render::access_list(&tx.access_list), "v": none, "r": none, "s": none, "yParity": none,
        "hash": data(keccak256(&raw)),
    });
    Ok(json!({ "raw": data(&raw), "tx": shown }))
}

/// As whom a call is made whose caller is not proved to be whom it names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unproved {
    /// So that contracts tell nothing to whoever only says who they are.
    CallsAsNobody,
    /// Only the gas is told.
    CallsAsNamed,
}

fn prepare(reading: &Reading<'_>, params: &Params<'_>, unproved: Unproved) -> Result<Prepared, RpcError> {
    let request: Request = params.required(0)?;
    let from = request.from.as_deref().map(hex::read_address).transpose().map_err(|why| wrong(&why))?;
    let (from, proved) = match reading.viewer.calls_as(from) {
        As::Account(account) if from.is_none_or(|from| from == account) => (account, true),
        As::Account(account) => match unproved {
            Unproved::CallsAsNobody => (account, false),
            Unproved::CallsAsNamed => (from.unwrap_or_default(), false),
        },
        As::Refused if unproved == Unproved::CallsAsNamed => (from.unwrap_or_default(), false),
        As::Refused => {
            let text = "the account to call as is not proved to be yours: sign in with it, or link it";
            return Err(RpcError::unauthorized(text));
        }
    };
    Ok(Prepared { call: request.call(from)?, proved })
}

impl Request {
    fn call(&self, from: Address) -> Result<Call, RpcError> {
        let read = |text: &Option<String>| {
            text.as_deref().map(hex::read_quantity).transpose().map_err(|why| wrong(&why))
        };
        let price = |text: &Option<String>| -> Result<Option<u128>, RpcError> {
            read(text)?
                .map(|price| price.try_into().map_err(|_| RpcError::params("a price of more than 128 bits")))
                .transpose()
        };
        let bytes = |text: &Option<String>| {
            text.as_deref().map(hex::read_data).transpose().map_err(|why| wrong(&why))
        };
        let (input, old_input) = (bytes(&self.input)?, bytes(&self.data)?);
        if input.is_some() && old_input.is_some() && input != old_input {
            let text = "both \"data\" and \"input\" are set and not equal. Please use \"input\" to pass transaction call data";
            return Err(RpcError::params(text));
        }
        let dynamic = (price(&self.max_fee_per_gas)?, price(&self.max_priority_fee_per_gas)?);
        let price = match (price(&self.gas_price)?, dynamic) {
            (Some(_), (Some(_), _) | (_, Some(_))) => {
                let text = "both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified";
                return Err(RpcError::params(text));
            }
            (Some(price), _) => Price::Fixed(price),
            (None, (None, None)) => Price::None,
            (None, (max, tip)) => {
                let tip = tip.unwrap_or_default();
                Price::Dynamic { max: max.unwrap_or(tip), tip }
            }
        };
        let list = self
            .access_list
            .as_ref()
            .map(|items| items.iter().map(Listed::read).collect::<Result<Vec<_>, _>>());
        Ok(Call {
            from,
            to: self.to.as_deref().map(hex::read_address).transpose().map_err(|why| wrong(&why))?,
            gas: read(&self.gas)?.map(|gas| gas.try_into().unwrap_or(u64::MAX)),
            price,
            value: read(&self.value)?.unwrap_or_default(),
            data: Bytes::from(input.or(old_input).unwrap_or_default()),
            access_list: list.transpose()?.map(AccessList),
            authorizations: Vec::new(),
        })
    }
}

impl Listed {
    fn read(&self) -> Result<AccessListItem, RpcError> {
        let keys = self.storage_keys.iter().map(|key| hex::read_hash(key).map_err(|why| wrong(&why)));
        Ok(AccessListItem {
            address: hex::read_address(&self.address).map_err(|why| wrong(&why))?,
            storage_keys: keys.collect::<Result<_, _>>()?,
        })
    }
}

/// Reads what is to be other in the state. It would let anybody call as anybody: what contracts keep is nobody's to try.
fn overrides(reading: &Reading<'_>, params: &Params<'_>) -> Result<Overrides, RpcError> {
    let others: BTreeMap<String, Other> = params.optional(2)?.unwrap_or_default();
    if others.is_empty() {
        return Ok(Overrides::new());
    }
    if !reading.viewer.sees_all() {
        return Err(RpcError::unauthorized("in a confidential network nobody may override the state"));
    }
    let mut slots = 0;
    let read = others.into_iter().map(|(address, other)| {
        slots += other.state.as_ref().or(other.state_diff.as_ref()).map_or(0, BTreeMap::len);
        if slots > MAX_SLOTS {
            return Err(RpcError::params(format!("more than {MAX_SLOTS} slots")));
        }
        Ok((hex::read_address(&address).map_err(|why| wrong(&why))?, other.read()?))
    });
    read.collect()
}

impl Other {
    fn read(self) -> Result<Override, RpcError> {
        let slots = match (self.state, self.state_diff) {
            (Some(_), Some(_)) => return Err(RpcError::params("account has both 'state' and 'stateDiff'")),
            (Some(state), None) => Slots::Replaced(read_slots(&state)?),
            (None, Some(diff)) => Slots::Changed(read_slots(&diff)?),
            (None, None) => Slots::Kept,
        };
        let code = self.code.as_deref().map(hex::read_data).transpose().map_err(|why| wrong(&why))?;
        Ok(Override {
            balance: self
                .balance
                .as_deref()
                .map(hex::read_quantity)
                .transpose()
                .map_err(|why| wrong(&why))?,
            nonce: self.nonce.as_deref().map(hex::read_small).transpose().map_err(|why| wrong(&why))?,
            code: code.map(Bytes::from),
            slots,
        })
    }
}

fn read_slots(slots: &BTreeMap<String, String>) -> Result<BTreeMap<U256, U256>, RpcError> {
    let read = |text: &str| read_slot(text).map_err(|why| wrong(&why));
    slots.iter().map(|(slot, value)| Ok((read(slot)?, read(value)?))).collect()
}

/// Runs something on the last state, in the block that comes next.
fn simulate<T>(
    reading: &Reading<'_>,
    params: &Params<'_>,
    overrides: &Overrides,
    run: impl FnOnce(&Simulation<'_, coco_kv::Snapshot>) -> Result<T, RpcError>,
) -> Result<T, RpcError> {
    let head = reading.state_at(params.block(1)?)?;
    let other: OtherBlock = params.optional(3)?.unwrap_or_default();
    let number = |text: &Option<String>, old: u64| match text {
        Some(text) => hex::read_small(text).map_err(|why| wrong(&why)),
        None => Ok(old),
    };
    let next = number(&other.number, head.number)?;
    let time_s = number(&other.time, head.time_s)?;
    // Randomness of its own: what a transaction will find cannot be tried out before.
    let mut seed = B256::ZERO;
    reading.services.fill_random(&mut seed.0);
    let random = match &other.prev_randao {
        Some(text) => hex::read_hash(text).map_err(|why| wrong(&why))?,
        None => block::random(&seed),
    };
    let hashes = Hashes { tables: reading.tables, state: reading.state.clone(), next: head.number + 1 };
    let hash_of = |number| hashes.of(number);
    let mut block = reading.chain.block(next, time_s, random, &hash_of);
    block.seed = Some(seed);
    block.max_gas = number(&other.gas_limit, block.max_gas)?;
    block.base_fee = number(&other.base_fee_per_gas, block.base_fee)?;
    if let Some(text) = &other.fee_recipient {
        block.beneficiary = hex::read_address(text).map_err(|why| wrong(&why))?;
    }
    let rules = reading.chain.rules(next, time_s);
    let max_gas = reading.chain.network.max_call_gas;
    run(&Simulation { world: &reading.tables.world, from: reading.state, rules, block, overrides, max_gas })
}

/// What is said of a call that did not do what it was to do.
fn failed(outcome: &Outcome) -> RpcError {
    match outcome {
        Outcome::Reverted(data) => RpcError::reverted(data),
        Outcome::Halted(reason) => RpcError::refused(format!("execution halted: {reason:?}")),
        Outcome::Called(_) | Outcome::Created { .. } => RpcError::refused("execution succeeded"),
    }
}

fn unestimable(why: Unestimable, proved: bool) -> RpcError {
    match why {
        Unestimable::Refused(why) => refused(&why),
        Unestimable::Failed(outcome) if proved => failed(&outcome),
        // Why it failed is what the contract tells whoever calls.
        Unestimable::Failed(_) => RpcError::new(3, UNKNOWN),
        other @ (Unestimable::Funds | Unestimable::Allowance(_)) => RpcError::refused(other.to_string()),
    }
}

fn wrong(why: &hex::NotHex) -> RpcError {
    RpcError::params(format!("invalid argument 0: {why}"))
}
