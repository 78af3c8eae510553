//! What the network is at a moment: its genesis and what members decided since.

use std::sync::{Arc, Mutex, PoisonError};

use alloy_primitives::{Address, B256};
use coco_evm::{Genesis, Rules};
use coco_kv::{Decode as _, Malformed, Reader};

use crate::{network::Network, tables::Tables};

/// Genesis and settings of a network that has begun.
#[derive(Debug)]
pub(crate) struct Chain {
    /// Without its accounts: those are rows of the world.
    pub(crate) genesis: Genesis,
    pub(crate) network: Network,
}

/// The chain as it was read last, so that its rows are parsed only when they change.
#[derive(Default)]
pub(crate) struct Chains(Mutex<Option<Parsed>>);

struct Parsed {
    genesis: Vec<u8>,
    network: Vec<u8>,
    chain: Arc<Chain>,
}

impl Chain {
    /// The rules of a block.
    pub(crate) fn rules(&self, number: u64, time_s: u64) -> Rules {
        Rules {
            chain_id: self.genesis.chain_id,
            fork: self.genesis.schedule.fork(number, time_s),
            fees: self.network.fees.into(),
            max_gas: self.network.max_transaction_gas,
        }
    }

    /// What a block says to the transactions in it.
    pub(crate) fn block<'a>(
        &self,
        number: u64,
        time_s: u64,
        random: B256,
        hash_of: &'a dyn Fn(u64) -> B256,
    ) -> coco_evm::Block<'a> {
        coco_evm::Block {
            number,
            time_s,
            beneficiary: self.beneficiary(),
            max_gas: self.network.max_block_gas,
            base_fee: self.network.price(),
            random,
            seed: None,
            hash_of,
        }
    }

    /// Who is paid for gas.
    pub(crate) fn beneficiary(&self) -> Address {
        self.network.fee_recipient
    }
}

impl Chains {
    /// The chain that `from` has, if it has one.
    ///
    /// # Errors
    /// If its rows are none.
    pub(crate) fn of(&self, tables: &Tables, from: &impl Reader) -> Result<Option<Arc<Chain>>, Malformed> {
        let Some(genesis) = tables.chain.get(from)? else { return Ok(None) };
        let network = tables.network.get(from)?.unwrap_or_default();
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(parsed) = &*last
            && parsed.genesis == genesis
            && parsed.network == network
        {
            return Ok(Some(Arc::clone(&parsed.chain)));
        }
        let malformed = |name| move || Malformed { table: name };
        let chain = Chain {
            genesis: Genesis::from_json(&genesis)
                .map_err(|_| Malformed { table: tables.chain.name().clone() })?,
            network: if network.is_empty() {
                Network::default()
            } else {
                Network::decode(&network).ok_or_else(malformed(tables.network.name().clone()))?
            },
        };
        let chain = Arc::new(chain);
        *last = Some(Parsed { genesis, network, chain: Arc::clone(&chain) });
        Ok(Some(chain))
    }

    /// The chain that was read last.
    pub(crate) fn last(&self) -> Option<Arc<Chain>> {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().map(|parsed| Arc::clone(&parsed.chain))
    }
}
