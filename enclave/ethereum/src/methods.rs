//! What clients ask for without writing anything.

mod accounts;
mod blocks;
mod calls;
mod facts;
mod fees;
mod filters;
mod logs;
mod transactions;

use std::ops::Deref;

use alloy_primitives::B256;
use coco_app::Services;
use coco_kv::Snapshot;
use serde_json::Value;

use crate::{
    access::Viewer,
    chain::Chain,
    filters::Filters,
    records::{Block, Head},
    rpc::{BlockId, Params, RpcError},
    tables::Tables,
};

pub(crate) use logs::Filter;

/// A method that reads.
pub(crate) struct Method {
    pub(crate) name: &'static str,
    /// Whether it may take long.
    pub(crate) heavy: bool,
    /// Most parameters.
    params: usize,
    run: fn(&Reading<'_>, &Params<'_>) -> Result<Value, RpcError>,
}

/// What is read, and for whom.
pub(crate) struct View<'a> {
    pub(crate) tables: &'a Tables,
    pub(crate) chain: &'a Chain,
    /// The last committed state: it ends with a block.
    pub(crate) state: &'a Snapshot,
    pub(crate) viewer: Viewer,
}

/// What a method reads, and what the node lends to it.
pub(crate) struct Reading<'a> {
    pub(crate) view: View<'a>,
    pub(crate) services: &'a dyn Services,
    pub(crate) filters: &'a Filters,
}

const fn light(
    name: &'static str,
    params: usize,
    run: fn(&Reading<'_>, &Params<'_>) -> Result<Value, RpcError>,
) -> Method {
    Method { name, heavy: false, params, run }
}

const fn heavy(
    name: &'static str,
    params: usize,
    run: fn(&Reading<'_>, &Params<'_>) -> Result<Value, RpcError>,
) -> Method {
    Method { name, heavy: true, params, run }
}

/// All of them, by name.
pub(crate) const METHODS: &[Method] = &[
    light("eth_accounts", 0, facts::no_accounts),
    light("eth_baseFee", 0, fees::base_fee),
    light("eth_blobBaseFee", 0, fees::blob_base_fee),
    light("eth_blockNumber", 0, blocks::number),
    heavy("eth_call", 4, calls::call),
    light("eth_chainId", 0, facts::chain_id),
    heavy("eth_createAccessList", 2, calls::access_list),
    heavy("eth_estimateGas", 4, calls::estimate),
    light("eth_feeHistory", 3, fees::history),
    heavy("eth_fillTransaction", 2, calls::fill),
    light("eth_gasPrice", 0, fees::price),
    light("eth_getAccountInfo", 2, accounts::info),
    light("eth_getBalance", 2, accounts::balance),
    heavy("eth_getBlockByHash", 2, blocks::by_hash),
    heavy("eth_getBlockByNumber", 2, blocks::by_number),
    heavy("eth_getBlockReceipts", 1, blocks::receipts),
    heavy("eth_getBlockTransactionCountByHash", 1, blocks::count),
    heavy("eth_getBlockTransactionCountByNumber", 1, blocks::count),
    light("eth_getCode", 2, accounts::code),
    heavy("eth_getFilterChanges", 1, filters::changes),
    heavy("eth_getFilterLogs", 1, filters::logs),
    heavy("eth_getLogs", 1, logs::get),
    light("eth_getStorageAt", 3, accounts::storage),
    light("eth_getStorageValues", 2, accounts::storage_values),
    heavy("eth_getTransactionByBlockHashAndIndex", 2, transactions::by_index),
    heavy("eth_getTransactionByBlockNumberAndIndex", 2, transactions::by_index),
    light("eth_getTransactionByHash", 1, transactions::by_hash),
    light("eth_getTransactionCount", 2, accounts::nonce),
    light("eth_getTransactionReceipt", 1, transactions::receipt),
    light("eth_getUncleByBlockHashAndIndex", 2, blocks::no_uncle),
    light("eth_getUncleByBlockNumberAndIndex", 2, blocks::no_uncle),
    light("eth_getUncleCountByBlockHash", 1, blocks::no_uncles),
    light("eth_getUncleCountByBlockNumber", 1, blocks::no_uncles),
    light("eth_maxPriorityFeePerGas", 0, fees::tip),
    light("eth_newBlockFilter", 0, filters::of_blocks),
    light("eth_newFilter", 1, filters::of_logs),
    light("eth_newPendingTransactionFilter", 1, filters::of_transactions),
    light("eth_syncing", 0, facts::not_syncing),
    light("eth_uninstallFilter", 1, filters::remove),
    light("net_listening", 0, facts::listening),
    light("net_peerCount", 0, facts::no_peers),
    light("net_version", 0, facts::network),
    light("web3_clientVersion", 0, facts::version),
    light("web3_sha3", 1, facts::keccak),
];

/// The method of a name.
pub(crate) fn find(name: &str) -> Option<&'static Method> {
    METHODS.binary_search_by(|method| method.name.cmp(name)).ok().map(|at| &METHODS[at])
}

impl<'a> Deref for Reading<'a> {
    type Target = View<'a>;

    fn deref(&self) -> &View<'a> {
        &self.view
    }
}

impl Reading<'_> {
    /// Answers a request.
    ///
    /// # Errors
    /// What JSON-RPC says in place of an answer.
    pub(crate) fn answer(&self, method: &str, params: &[u8]) -> Result<Value, RpcError> {
        let method = find(method).ok_or_else(|| RpcError::method(method))?;
        let params = Params::read(params, method.params)?;
        (method.run)(self, &params)
    }
}

impl View<'_> {
    /// The last block.
    pub(crate) fn head(&self) -> Result<Head, RpcError> {
        let head = self.tables.head.get(self.state)?;
        head.ok_or_else(|| RpcError::new(-32_603, "the network has no block"))
    }

    /// A block and its hash, if there is such a block.
    pub(crate) fn block(&self, id: BlockId) -> Result<Option<(Block, B256)>, RpcError> {
        let head = self.head()?;
        let number = match id {
            BlockId::Head => head.number,
            BlockId::First => self.chain.genesis.header.number,
            BlockId::Number(number) => number,
            BlockId::Hash(hash) => match self.tables.number(self.state, &hash)? {
                Some(number) => number,
                None => return Ok(None),
            },
        };
        let block = self.tables.block(self.state, number)?;
        Ok(block.map(|block| {
            let hash = block.header.hash_slow();
            (block, hash)
        }))
    }

    /// Makes sure that the state after a block is here.
    ///
    /// # Errors
    /// If there is no such block, or its state is not kept.
    pub(crate) fn state_at(&self, id: BlockId) -> Result<Head, RpcError> {
        let head = self.head()?;
        let number = match id {
            BlockId::Head => return Ok(head),
            BlockId::First => Some(self.chain.genesis.header.number),
            BlockId::Number(number) => Some(number),
            BlockId::Hash(hash) => self.tables.number(self.state, &hash)?,
        };
        match number {
            Some(number) if number == head.number => Ok(head),
            Some(number) if number < head.number => {
                let text = format!(
                    "historical state is not available: this node keeps that of block {}",
                    head.number
                );
                Err(RpcError::refused(text))
            }
            _ => Err(RpcError::refused("header not found")),
        }
    }
}
