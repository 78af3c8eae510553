//! Blocks: headers as Ethereum has them, and headers that tell nobody what is in the block.

use alloy_consensus::{
    EMPTY_OMMER_ROOT_HASH, Header, Receipt, ReceiptEnvelope, ReceiptWithBloom, TxEnvelope,
    constants::EMPTY_WITHDRAWALS,
    proofs::{calculate_receipt_root, calculate_transaction_root, ordered_trie_root_with_encoder},
};
use alloy_eips::{
    eip2718::{Encodable2718 as _, Typed2718 as _},
    eip7685::EMPTY_REQUESTS_HASH,
};
use alloy_primitives::{B64, B256, Bloom, keccak256, logs_bloom};
use coco_evm::Fork;

use crate::{
    chain::Chain,
    network::Visibility,
    records::{Block, Head, Open, Place, Record},
    window::Entry,
};

/// Confidential blocks say a power of two in place of the gas that they used, and at least this.
const LEAST_GAS: u64 = 1 << 20;

/// What `PREVRANDAO` is in a block: derived, as the seed is nobody's to see.
pub(crate) fn random(seed: &B256) -> B256 {
    salt(seed, "prevrandao", 0)
}

/// What contracts' own randomness in a transaction is derived from.
pub(crate) fn seed_of(seed: &B256, transaction: &B256) -> B256 {
    let mut bytes = Vec::with_capacity(96);
    bytes.extend(seed);
    bytes.extend(b"transaction");
    bytes.extend(transaction);
    keccak256(bytes)
}

/// A block of the transactions in `entries`, behind `head`. `state_root` is that of the state trie, of transparent networks.
pub(crate) fn close(chain: &Chain, open: &Open, head: &Head, entries: &[Entry], state_root: B256) -> Block {
    let places = entries.iter().map(|entry| Place {
        hash: entry.hash,
        gas_used: entry.record.gas_used,
        logs: entry.record.logs.len() as u64,
    });
    let block = Block { header: empty(chain, open, head), seed: open.seed, transactions: places.collect() };
    let header = match chain.network.visibility {
        Visibility::Transparent => transparent(block.header, entries, state_root),
        Visibility::Confidential => confidential(block.header, open, head, entries),
    };
    Block { header, ..block }
}

/// A header without anything that comes of transactions.
fn empty(chain: &Chain, open: &Open, head: &Head) -> Header {
    let fork = chain.rules(open.number, open.time_s).fork;
    let since = |first: Fork| fork >= first;
    Header {
        parent_hash: head.hash,
        ommers_hash: EMPTY_OMMER_ROOT_HASH,
        beneficiary: chain.beneficiary(),
        gas_limit: chain.network.max_block_gas,
        number: open.number,
        timestamp: open.time_s,
        mix_hash: random(&open.seed),
        base_fee_per_gas: since(Fork::LONDON).then(|| chain.network.price()),
        withdrawals_root: since(Fork::SHANGHAI).then_some(EMPTY_WITHDRAWALS),
        blob_gas_used: since(Fork::CANCUN).then_some(0),
        excess_blob_gas: since(Fork::CANCUN).then_some(0),
        parent_beacon_block_root: since(Fork::CANCUN).then_some(B256::ZERO),
        requests_hash: since(Fork::PRAGUE).then_some(EMPTY_REQUESTS_HASH),
        ..Header::default()
    }
}

/// As Ethereum has it.
fn transparent(header: Header, entries: &[Entry], state_root: B256) -> Header {
    let transactions: Vec<_> = entries.iter().filter_map(|entry| entry.record.envelope()).collect();
    let mut gas_used = 0;
    let receipts = entries.iter().zip(&transactions).map(|(entry, transaction)| {
        gas_used += entry.record.gas_used;
        receipt(&entry.record, transaction, gas_used)
    });
    let receipts: Vec<_> = receipts.collect();
    Header {
        state_root,
        transactions_root: calculate_transaction_root(&transactions),
        receipts_root: calculate_receipt_root(&receipts),
        logs_bloom: bloom(entries.iter().map(|entry| &entry.record)),
        gas_used,
        ..header
    }
}

/// One against which nothing can be tried out: neither guesses of what is in the block nor of what it left behind. Each leaf
/// is a hash of it and a salt that only whoever knows the block's seed knows.
fn confidential(header: Header, open: &Open, head: &Head, entries: &[Entry]) -> Header {
    let root = |kind, leaf: &dyn Fn(usize, &Entry) -> Vec<u8>| {
        let leaves: Vec<_> = (0..).zip(entries).map(|(at, entry)| (at, leaf(at, entry))).collect();
        ordered_trie_root_with_encoder(&leaves, |(at, leaf), out| {
            let salt = salt(&open.seed, kind, *at as u64);
            out.extend(keccak256([salt.as_slice(), leaf].concat()));
        })
    };
    let mut cumulative = 0;
    let gas: Vec<u64> = entries
        .iter()
        .map(|entry| {
            cumulative += entry.record.gas_used;
            cumulative
        })
        .collect();
    let state = root("state", &|_, entry| entry.changes.to_vec());
    Header {
        // Of the changes of all blocks, in their order.
        state_root: keccak256([head.state_root, state].concat()),
        transactions_root: root("transactions", &|_, entry| entry.record.transaction.to_vec()),
        receipts_root: root("receipts", &|at, entry| {
            entry
                .record
                .envelope()
                .map(|it| receipt(&entry.record, &it, gas[at]).encoded_2718())
                .unwrap_or_default()
        }),
        logs_bloom: Bloom::ZERO,
        gas_used: shown_gas(cumulative, header.gas_limit),
        ..header
    }
}

/// What a confidential block says of the gas that it used.
fn shown_gas(gas_used: u64, max: u64) -> u64 {
    gas_used.max(LEAST_GAS).checked_next_power_of_two().unwrap_or(max).min(max)
}

fn salt(seed: &B256, kind: &str, index: u64) -> B256 {
    let mut bytes = Vec::with_capacity(64);
    bytes.extend(seed);
    bytes.extend(kind.as_bytes());
    bytes.extend(index.to_be_bytes());
    keccak256(bytes)
}

/// A receipt as its hash is of.
pub(crate) fn receipt(
    record: &Record,
    transaction: &TxEnvelope,
    cumulative_gas_used: u64,
) -> ReceiptEnvelope {
    let receipt = Receipt { status: record.success.into(), cumulative_gas_used, logs: record.logs.clone() };
    let logs_bloom = logs_bloom(&receipt.logs);
    let receipt = ReceiptWithBloom { receipt, logs_bloom };
    match transaction.ty() {
        1 => ReceiptEnvelope::Eip2930(receipt),
        2 => ReceiptEnvelope::Eip1559(receipt),
        4 => ReceiptEnvelope::Eip7702(receipt),
        _ => ReceiptEnvelope::Legacy(receipt),
    }
}

/// The filter of the logs of transactions.
pub(crate) fn bloom<'a>(records: impl IntoIterator<Item = &'a Record>) -> Bloom {
    logs_bloom(records.into_iter().flat_map(|record| &record.logs))
}

/// The first block.
pub(crate) fn first(chain: &Chain, seed: B256, state_root: B256) -> Block {
    let genesis = &chain.genesis.header;
    let open = Open { number: genesis.number, time_s: genesis.time_s, seed };
    let before = Head { number: 0, hash: B256::ZERO, time_s: 0, state_root: B256::ZERO };
    let header = Header {
        beneficiary: genesis.beneficiary,
        gas_limit: genesis.max_gas,
        mix_hash: genesis.mix_hash,
        difficulty: genesis.difficulty,
        nonce: B64::from(genesis.nonce),
        extra_data: genesis.extra.clone(),
        base_fee_per_gas: genesis.base_fee.or(empty(chain, &open, &before).base_fee_per_gas),
        state_root,
        transactions_root: alloy_consensus::EMPTY_ROOT_HASH,
        receipts_root: alloy_consensus::EMPTY_ROOT_HASH,
        ..empty(chain, &open, &before)
    };
    Block { header, seed, transactions: Vec::new() }
}
