//! Transactions that clients submit, and the blocks that are made of them.

use alloy_primitives::{B256, Bytes};
use coco_app::{Context, Services};
use coco_crypto::hash::sha256_parts;
use coco_evm::{Account, Genesis, Refused, Unreadable, Verified};
use coco_kv::{Malformed, Tx};
use serde_json::Value;

use crate::{
    block,
    chain::{Chain, Chains},
    network::{Permission, Visibility},
    records::{Block, Head, Number, Open, Record},
    rpc::{Params, RpcError},
    state::{Changed, State},
    tables::Tables,
    window::Entry,
};

/// Submits a transaction, and waits for its receipt (EIP-7966).
pub(crate) const SYNC: &str = "eth_sendRawTransactionSync";
/// Methods that submit.
pub(crate) const ROUTES: [&str; 2] = ["eth_sendRawTransaction", SYNC];

/// Says of what the claim in a receipt of the ledger is the digest.
const CLAIM: &[u8] = b"coco ethereum transaction";

/// Reads the transaction that a request submits, and recovers its sender.
pub(crate) fn read(chain: &Chain, params: &[u8]) -> Result<Verified, RpcError> {
    // How long to wait at most is the second parameter of one of them.
    let bytes = Params::read(params, 2)?.data(0)?;
    Verified::read(&bytes, chain.genesis.chain_id).map_err(|error| match error {
        Unreadable::Malformed(error) => RpcError::params(format!("invalid argument 0: {error}")),
        error => RpcError::refused(error.to_string()),
    })
}

/// The parameters by which the receipt of a transaction is asked for.
pub(crate) fn receipt_params(transaction: &[u8]) -> Bytes {
    format!(r#"["{}"]"#, alloy_primitives::keccak256(transaction)).into_bytes().into()
}

/// Executes a transaction, and records what comes of it; its hash.
pub(crate) fn execute(
    tables: &Tables,
    chain: &Chain,
    transaction: &Verified,
    cx: &mut Context<'_>,
) -> Result<B256, RpcError> {
    let hash = transaction.hash();
    let sender = transaction.sender();
    if tables.transactions.has(cx.tx, hash.as_slice()) {
        // It was executed already, for somebody who did not hear of it.
        return Ok(hash);
    }
    permit(tables, chain, transaction, cx.tx)?;
    let account = tables.world.account(cx.tx, &sender)?.unwrap_or(Account::EMPTY);
    in_turn(transaction.nonce(), account.nonce)?;
    let open = open(tables, chain, cx)?;
    let rules = chain.rules(open.number, open.time_s);
    let execution = {
        let hashes = Hashes { tables, state: cx.tx.snapshot().clone(), next: open.number };
        let hash_of = |number| hashes.of(number);
        let mut block = chain.block(open.number, open.time_s, block::random(&open.seed), &hash_of);
        block.seed = Some(block::seed_of(&open.seed, &hash));
        tables.world.execute(cx.tx, &rules, &block, transaction).map_err(|why| refused(&why))?
    };
    let record = Record {
        transaction: transaction.bytes().into(),
        sender,
        block: open.number,
        success: execution.is_success(),
        gas_used: execution.gas_used,
        price: transaction.price(rules.fees, chain.network.price()),
        logs: execution.logs,
    };
    tables.transactions.put(cx.tx, hash.as_slice(), &record);
    cx.claims = Some(sha256_parts(&[CLAIM, hash.as_slice()]));
    Ok(hash)
}

/// Hashes of earlier blocks, read where nothing is noted: they never change.
pub(crate) struct Hashes<'a> {
    pub(crate) tables: &'a Tables,
    pub(crate) state: coco_kv::Snapshot,
    /// The block that asks.
    pub(crate) next: u64,
}

impl Hashes<'_> {
    pub(crate) fn of(&self, number: u64) -> B256 {
        if number >= self.next || self.next - number > 256 {
            return B256::ZERO;
        }
        let block = self.tables.block(&self.state, number).ok().flatten();
        block.map(|block| block.header.hash_slow()).unwrap_or_default()
    }
}

/// Whether the members allow a transaction.
fn permit(tables: &Tables, chain: &Chain, transaction: &Verified, tx: &Tx) -> Result<(), RpcError> {
    let network = &chain.network;
    let creates = transaction.is_create();
    let restricted = network.send == Permission::Listed || (creates && network.deploy == Permission::Listed);
    if !restricted {
        return Ok(());
    }
    let allowed = tables.allowed(tx, &transaction.sender())?;
    if network.send == Permission::Listed && !allowed.send {
        return Err(RpcError::refused("the members have not allowed this account to send transactions"));
    }
    if creates && network.deploy == Permission::Listed && !allowed.deploy {
        return Err(RpcError::refused("the members have not allowed this account to create contracts"));
    }
    Ok(())
}

/// Whether it is the turn of a transaction among its sender's.
fn in_turn(nonce: u64, next: u64) -> Result<(), RpcError> {
    let text = match nonce.cmp(&next) {
        std::cmp::Ordering::Equal => return Ok(()),
        std::cmp::Ordering::Less => format!("nonce too low: next nonce {next}, tx nonce {nonce}"),
        std::cmp::Ordering::Greater => format!("nonce too high: next nonce {next}, tx nonce {nonce}"),
    };
    Err(RpcError::refused(text))
}

pub(crate) fn refused(refused: &Refused) -> RpcError {
    match refused {
        Refused::Invalid(_) | Refused::Block(_) => RpcError::refused(refused.to_string()),
        Refused::Corrupt(_) | Refused::Machine(_) => RpcError::new(-32_603, refused.to_string()),
    }
}

/// The block that is being filled, begun if need be.
fn open(tables: &Tables, chain: &Chain, cx: &mut Context<'_>) -> Result<Open, RpcError> {
    if let Some(open) = tables.open.get(cx.tx)? {
        return Ok(open);
    }
    let head = tables.head.get(cx.tx)?.ok_or_else(|| RpcError::new(-32_603, "the network has no block"))?;
    let open = Open {
        number: head.number + 1,
        // The clock is the host's: it does not go back.
        time_s: (cx.services.now_ms() / 1000).max(head.time_s),
        seed: random(cx.services),
    };
    tables.open.put(cx.tx, &open);
    begin_block(tables, chain, &open, head.hash, cx.tx)?;
    Ok(open)
}

/// What a block does before its first transaction: it notes the hash of the one before (EIP-2935).
fn begin_block(
    tables: &Tables,
    chain: &Chain,
    open: &Open,
    parent: B256,
    tx: &mut Tx,
) -> Result<(), RpcError> {
    let rules = chain.rules(open.number, open.time_s);
    let block = chain.block(open.number, open.time_s, block::random(&open.seed), &|_| B256::ZERO);
    tables.world.begin_block(tx, &rules, &block, parent, B256::ZERO).map_err(|why| refused(&why))
}

fn random(services: &dyn Services) -> B256 {
    let mut seed = B256::ZERO;
    services.fill_random(&mut seed.0);
    seed
}

/// Closes the block that `entries` fill.
pub(crate) fn close(
    tables: &Tables,
    chains: &Chains,
    state: &State,
    (entries, changed): (&[Entry], &Changed),
    cx: &mut Context<'_>,
) -> Result<(), RpcError> {
    let missing = |what| RpcError::new(-32_603, what);
    let chain = chains.of(tables, cx.tx)?.ok_or_else(|| missing("the network has not begun"))?;
    let open = tables.open.get(cx.tx)?.ok_or_else(|| missing("no block is open"))?;
    let head = tables.head.get(cx.tx)?.ok_or_else(|| missing("the network has no block"))?;
    tables.open.remove(cx.tx);
    let next = match chain.network.visibility {
        // Nothing comes between what is read here and the block.
        Visibility::Transparent => Some(state.next(&tables.world, cx.tx.snapshot(), head.hash, changed)?),
        Visibility::Confidential => None,
    };
    let root = next.as_ref().map(|next| next.root).unwrap_or_default();
    let block = block::close(&chain, &open, &head, entries, root);
    let hash = put(tables, &block, cx);
    if let Some(next) = next {
        state.keep(hash, next);
    }
    let bloom = block::bloom(entries.iter().map(|entry| &entry.record));
    if !bloom.is_zero() {
        tables.blooms.put(cx.tx, &Number(open.number), &bloom.to_vec());
    }
    Ok(())
}

/// Writes a block, which is the last one then.
fn put(tables: &Tables, block: &Block, cx: &mut Context<'_>) -> B256 {
    let header = &block.header;
    let hash = header.hash_slow();
    let head = Head { number: header.number, hash, time_s: header.timestamp, state_root: header.state_root };
    tables.blocks.put(cx.tx, &Number(header.number), block);
    tables.numbers.put(cx.tx, hash.as_slice(), &Number(header.number));
    tables.head.put(cx.tx, &head);
    cx.claims = Some(sha256_parts(&[b"coco ethereum block", hash.as_slice()]));
    hash
}

/// Begins the network, if the members have decided how and it has not begun.
pub(crate) fn begin(tables: &Tables, roots: &State, cx: &mut Context<'_>) -> Result<(), RpcError> {
    // Nothing is noted of what is read: nothing comes between.
    let state = cx.tx.snapshot().clone();
    if tables.chain.has(&state) {
        return Ok(());
    }
    let Some(json) = tables.genesis.get(&state)? else { return Ok(()) };
    let malformed = || Malformed { table: tables.genesis.name().clone() };
    let genesis = Genesis::from_json(&json).map_err(|_| malformed())?;
    genesis.write(&tables.world, cx.tx);
    let mut bare: Value = serde_json::from_slice(&json).map_err(|_| malformed())?;
    bare["alloc"] = Value::Object(serde_json::Map::default());
    let network = tables.network.get(&state)?;
    let network = match network {
        Some(json) => {
            serde_json::from_slice(&json).map_err(|_| Malformed { table: tables.network.name().clone() })?
        }
        None => crate::Network::default(),
    };
    let chain =
        Chain { genesis: Genesis { accounts: std::collections::BTreeMap::new(), ..genesis }, network };
    tables.chain.put(cx.tx, &bare.to_string().into_bytes());
    let root = match chain.network.visibility {
        Visibility::Transparent => roots.next(&tables.world, cx.tx, B256::ZERO, &Changed::default())?.root,
        Visibility::Confidential => B256::ZERO,
    };
    let first = block::first(&chain, random(cx.services), root);
    put(tables, &first, cx);
    Ok(())
}
