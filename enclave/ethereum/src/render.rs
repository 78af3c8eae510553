//! Blocks, transactions and receipts as JSON-RPC shows them (Ethereum execution APIs, `schemas`).

use alloy_consensus::{Header, Transaction as _, TxEnvelope};
use alloy_eips::{eip2718::Typed2718 as _, eip2930::AccessList, eip7702::SignedAuthorization};
use alloy_primitives::{Address, B256, Bloom, Log, U256, logs_bloom};
use serde_json::{Value, json};

use crate::{
    hex::{data, quantity},
    records::{Block, Place, Record},
};

/// Where a transaction is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Position {
    pub(crate) block: u64,
    pub(crate) block_hash: B256,
    pub(crate) time_s: u64,
    pub(crate) index: u64,
    /// Gas used by it and those before it.
    pub(crate) cumulative_gas: u64,
    /// Number of logs before its first.
    pub(crate) logs_before: u64,
}

impl Position {
    /// Of the transaction at `index`.
    pub(crate) fn of(block: &Block, hash: B256, index: usize) -> Self {
        let before = &block.transactions[..index];
        Self {
            block: block.header.number,
            block_hash: hash,
            time_s: block.header.timestamp,
            index: index as u64,
            cumulative_gas: sum(before, |place| place.gas_used) + block.transactions[index].gas_used,
            logs_before: sum(before, |place| place.logs),
        }
    }
}

fn sum(places: &[Place], of: impl Fn(&Place) -> u64) -> u64 {
    places.iter().map(of).sum()
}

/// A header; `bloom` is that of the logs that the viewer sees.
pub(crate) fn header(header: &Header, hash: B256, bloom: Bloom) -> Value {
    let mut shown = json!({
        "number": quantity(header.number),
        "hash": data(hash),
        "parentHash": data(header.parent_hash),
        "sha3Uncles": data(header.ommers_hash),
        "miner": data(header.beneficiary),
        "stateRoot": data(header.state_root),
        "transactionsRoot": data(header.transactions_root),
        "receiptsRoot": data(header.receipts_root),
        "logsBloom": data(bloom),
        "difficulty": quantity(header.difficulty),
        "gasLimit": quantity(header.gas_limit),
        "gasUsed": quantity(header.gas_used),
        "timestamp": quantity(header.timestamp),
        "extraData": data(&header.extra_data),
        "mixHash": data(header.mix_hash),
        "nonce": data(header.nonce),
    });
    let numbers = [
        ("baseFeePerGas", header.base_fee_per_gas),
        ("blobGasUsed", header.blob_gas_used),
        ("excessBlobGas", header.excess_blob_gas),
    ];
    let hashes = [
        ("withdrawalsRoot", header.withdrawals_root),
        ("parentBeaconBlockRoot", header.parent_beacon_block_root),
        ("requestsHash", header.requests_hash),
    ];
    for (name, number) in numbers.into_iter().filter_map(|(name, number)| Some((name, number?))) {
        shown[name] = quantity(number);
    }
    for (name, hash) in hashes.into_iter().filter_map(|(name, hash)| Some((name, hash?))) {
        shown[name] = data(hash);
    }
    shown
}

/// A block with the transactions that the viewer sees.
pub(crate) fn block(block: &Block, hash: B256, bloom: Bloom, transactions: Vec<Value>) -> Value {
    let mut shown = header(&block.header, hash, bloom);
    shown["uncles"] = json!([]);
    shown["transactions"] = transactions.into();
    shown["size"] = quantity(alloy_rlp::Encodable::length(&block.header) as u64);
    if block.header.withdrawals_root.is_some() {
        shown["withdrawals"] = json!([]);
    }
    shown
}

/// A transaction.
pub(crate) fn transaction(record: &Record, envelope: &TxEnvelope, at: &Position) -> Value {
    let mut shown = fields(envelope, record.sender);
    shown["blockHash"] = data(at.block_hash);
    shown["blockNumber"] = quantity(at.block);
    shown["blockTimestamp"] = quantity(at.time_s);
    shown["transactionIndex"] = quantity(at.index);
    if envelope.max_priority_fee_per_gas().is_some() {
        shown["gasPrice"] = quantity(record.price);
    }
    shown
}

/// A transaction by itself.
pub(crate) fn fields(envelope: &TxEnvelope, sender: Address) -> Value {
    let signature = envelope.signature();
    let parity = u64::from(signature.v());
    let (v, with_parity) = match (envelope.is_legacy(), envelope.chain_id()) {
        (true, Some(chain)) => (U256::from(chain) * U256::from(2) + U256::from(35 + parity), false),
        (true, None) => (U256::from(27 + parity), false),
        (false, _) => (U256::from(parity), true),
    };
    let mut shown = json!({
        "hash": data(envelope.tx_hash()),
        "type": quantity(envelope.ty()),
        "nonce": quantity(envelope.nonce()),
        "from": data(sender),
        "to": envelope.to().map(data),
        "gas": quantity(envelope.gas_limit()),
        "value": quantity(envelope.value()),
        "input": data(envelope.input()),
        "v": quantity(v),
        "r": quantity(signature.r()),
        "s": quantity(signature.s()),
    });
    if with_parity {
        shown["yParity"] = quantity(parity);
    }
    if let Some(chain) = envelope.chain_id() {
        shown["chainId"] = quantity(chain);
    }
    match envelope.max_priority_fee_per_gas() {
        Some(tip) => {
            shown["maxPriorityFeePerGas"] = quantity(tip);
            shown["maxFeePerGas"] = quantity(envelope.max_fee_per_gas());
            shown["gasPrice"] = quantity(envelope.max_fee_per_gas());
        }
        None => shown["gasPrice"] = quantity(envelope.max_fee_per_gas()),
    }
    if let Some(list) = envelope.access_list() {
        shown["accessList"] = access_list(list);
    }
    if let Some(list) = envelope.authorization_list() {
        shown["authorizationList"] = list.iter().map(authorization).collect();
    }
    shown
}

pub(crate) fn access_list(list: &AccessList) -> Value {
    let items = list.iter().map(|item| {
        let keys: Vec<_> = item.storage_keys.iter().map(data).collect();
        json!({ "address": data(item.address), "storageKeys": keys })
    });
    items.collect()
}

fn authorization(signed: &SignedAuthorization) -> Value {
    json!({
        "chainId": quantity(*signed.chain_id()),
        "address": data(signed.address()),
        "nonce": quantity(signed.nonce()),
        "yParity": quantity(signed.y_parity()),
        "r": quantity(signed.r()),
        "s": quantity(signed.s()),
    })
}

/// A receipt, with the logs that the viewer sees.
pub(crate) fn receipt(
    record: &Record,
    envelope: &TxEnvelope,
    at: &Position,
    sees: &dyn Fn(&Log) -> bool,
) -> Value {
    let hash = *envelope.tx_hash();
    let shown: Vec<_> = record.logs.iter().filter(|log| sees(log)).collect();
    let logs = (0..).zip(&record.logs).filter(|(_, log)| sees(log));
    let logs: Vec<_> = logs.map(|(index, each)| log(each, hash, at, index)).collect();
    json!({
        "type": quantity(envelope.ty()),
        "status": quantity(u64::from(record.success)),
        "transactionHash": data(hash),
        "transactionIndex": quantity(at.index),
        "blockHash": data(at.block_hash),
        "blockNumber": quantity(at.block),
        "from": data(record.sender),
        "to": envelope.to().map(data),
        "contractAddress": record.created(envelope).map(data),
        "cumulativeGasUsed": quantity(at.cumulative_gas),
        "gasUsed": quantity(record.gas_used),
        "effectiveGasPrice": quantity(record.price),
        "logs": logs,
        "logsBloom": data(logs_bloom(shown)),
    })
}

/// What whoever knows the hash of a transaction sees of its receipt, though it is not theirs: enough for tools to go on.
pub(crate) fn minimal_receipt(record: &Record, envelope: &TxEnvelope, at: &Position) -> Value {
    json!({
        "type": quantity(envelope.ty()),
        "status": quantity(u64::from(record.success)),
        "transactionHash": data(envelope.tx_hash()),
        "transactionIndex": quantity(0_u64),
        "blockHash": data(at.block_hash),
        "blockNumber": quantity(at.block),
        "from": data(Address::ZERO),
        "to": data(Address::ZERO),
        "contractAddress": record.created(envelope).map(data),
        "cumulativeGasUsed": quantity(record.gas_used),
        "gasUsed": quantity(record.gas_used),
        "effectiveGasPrice": quantity(record.price),
        "logs": [],
        "logsBloom": data(Bloom::ZERO),
    })
}

/// A log, `index` among those of its transaction.
pub(crate) fn log(log: &Log, transaction: B256, at: &Position, index: u64) -> Value {
    let topics: Vec<_> = log.topics().iter().map(data).collect();
    json!({
        "address": data(log.address),
        "topics": topics,
        "data": data(&log.data.data),
        "blockNumber": quantity(at.block),
        "blockHash": data(at.block_hash),
        "blockTimestamp": quantity(at.time_s),
        "transactionHash": data(transaction),
        "transactionIndex": quantity(at.index),
        "logIndex": quantity(at.logs_before + index),
        "removed": false,
    })
}
