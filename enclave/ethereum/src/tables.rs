//! Tables of the network, beside those of the world state.

use alloy_primitives::{Address, B256};
use coco_evm::World;
use coco_kv::{Malformed, Reader, Singleton, Table};

use crate::{
    network::Allowed,
    records::{Block, Head, Number, Open, Record},
};

/// Table of executed transactions.
pub(crate) const TRANSACTIONS: &str = "evm.transactions";
/// Table of blocks.
pub(crate) const BLOCKS: &str = "evm.blocks";

/// Where everything is.
pub(crate) struct Tables {
    /// Accounts, code and storage.
    pub(crate) world: World,
    /// The genesis as members decided it, in the form of geth's `genesis.json`.
    pub(crate) genesis: Singleton<Vec<u8>>,
    /// What members decided since, in JSON.
    pub(crate) network: Singleton<Vec<u8>>,
    /// What members allow an account, by its address as text.
    pub(crate) allowed: Table<String, Allowed>,
    /// The genesis without its accounts, since the network began.
    pub(crate) chain: Singleton<Vec<u8>>,
    /// The block that is being filled.
    pub(crate) open: Singleton<Open>,
    /// The last block.
    pub(crate) head: Singleton<Head>,
    /// Blocks by number.
    pub(crate) blocks: Table<Number, Block>,
    /// Numbers of blocks by hash.
    pub(crate) numbers: Table<Vec<u8>, Number>,
    /// Filters of the logs of blocks, by number.
    pub(crate) blooms: Table<Number, Vec<u8>>,
    /// Executed transactions by hash.
    pub(crate) transactions: Table<Vec<u8>, Record>,
}

impl Default for Tables {
    fn default() -> Self {
        Self {
            world: World::default(),
            genesis: Singleton::new("public:coco.gov.ethereum.genesis"),
            network: Singleton::new("public:coco.gov.ethereum.network"),
            allowed: Table::new("public:coco.gov.ethereum.accounts"),
            chain: Singleton::new("public:coco.gov.ethereum.chain"),
            open: Singleton::new("evm.open"),
            head: Singleton::new("evm.head"),
            blocks: Table::new(BLOCKS),
            numbers: Table::new("evm.numbers"),
            blooms: Table::new("evm.blooms"),
            transactions: Table::new(TRANSACTIONS),
        }
    }
}

impl Tables {
    /// What members allow an account.
    pub(crate) fn allowed(&self, from: &impl Reader, account: &Address) -> Result<Allowed, Malformed> {
        let name = format!("{account:#x}");
        Ok(self.allowed.get(from, name.as_str())?.unwrap_or_default())
    }

    /// A transaction that was executed.
    pub(crate) fn transaction(&self, from: &impl Reader, hash: &B256) -> Result<Option<Record>, Malformed> {
        self.transactions.get(from, hash.as_slice())
    }

    /// A block.
    pub(crate) fn block(&self, from: &impl Reader, number: u64) -> Result<Option<Block>, Malformed> {
        self.blocks.get(from, &Number(number))
    }

    /// The number of a block.
    pub(crate) fn number(&self, from: &impl Reader, hash: &B256) -> Result<Option<u64>, Malformed> {
        Ok(self.numbers.get(from, hash.as_slice())?.map(|number| number.0))
    }
}
