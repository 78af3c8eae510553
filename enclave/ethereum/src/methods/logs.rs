//! Logs, and filters of them that clients come back to.

use std::{collections::BTreeSet, ops::Bound};

use alloy_primitives::{Address, B256, Bloom, BloomInput, Log};
use coco_kv::{Decode as _, Encode as _, Order, Reader as _};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::{Reading, View, transactions::Placed};
use crate::{
    hex,
    records::Number,
    render,
    rpc::{BlockId, Params, RpcError, read_block},
};

/// Most logs that one request is answered with.
const MAX_LOGS: usize = 10_000;
/// Most transactions that are looked at for one request.
const MAX_TRANSACTIONS: usize = 200_000;
/// Most addresses, and most topics for a position, as in geth.
const MAX_CHOICES: usize = 1_000;
/// Code of a request that would be answered with too much (EIP-1474).
const LIMIT_EXCEEDED: i64 = -32_005;

type Answer = Result<Value, RpcError>;

/// Which logs are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) from: BlockId,
    pub(crate) to: BlockId,
    /// Of these contracts; of all if there are none.
    addresses: BTreeSet<Address>,
    /// For each position the topics of which one must be there; all will do if there are none.
    topics: Vec<BTreeSet<B256>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields<'a> {
    #[serde(borrow)]
    from_block: Option<&'a RawValue>,
    #[serde(borrow)]
    to_block: Option<&'a RawValue>,
    block_hash: Option<String>,
    address: Option<OneOrMany>,
    topics: Option<Vec<Option<OneOrMany>>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn read<T: Ord>(self, one: fn(&str) -> Result<T, hex::NotHex>) -> Result<BTreeSet<T>, RpcError> {
        let texts = match self {
            Self::One(text) => vec![text],
            Self::Many(texts) if texts.len() <= MAX_CHOICES => texts,
            Self::Many(_) => {
                return Err(RpcError::params(format!("exceed max addresses or topics: {MAX_CHOICES}")));
            }
        };
        let wrong = |why| RpcError::params(format!("invalid argument 0: {why}"));
        texts.iter().map(|text| one(text).map_err(wrong)).collect()
    }
}

impl Filter {
    /// Reads a filter from the JSON of a parameter.
    ///
    /// # Errors
    /// If it is none.
    pub(crate) fn read(json: &str) -> Result<Self, RpcError> {
        let wrong = |why: String| RpcError::params(format!("invalid argument 0: {why}"));
        let fields: Fields<'_> = serde_json::from_str(json).map_err(|error| wrong(error.to_string()))?;
        let bound = |field: Option<&RawValue>| match field {
            Some(json) if json.get() != "null" => read_block(json.get()).map_err(wrong),
            _ => Ok(BlockId::Head),
        };
        let (from, to) = match fields.block_hash {
            Some(_) if fields.from_block.is_some() || fields.to_block.is_some() => {
                return Err(wrong(
                    "cannot specify both BlockHash and FromBlock/ToBlock, choose one or the other".into(),
                ));
            }
            Some(hash) => {
                let hash = hex::read_hash(&hash).map_err(|why| wrong(why.to_string()))?;
                (BlockId::Hash(hash), BlockId::Hash(hash))
            }
            None => (bound(fields.from_block)?, bound(fields.to_block)?),
        };
        let topics = fields.topics.unwrap_or_default();
        if topics.len() > 4 {
            return Err(RpcError::params("exceed max topics"));
        }
        let topics =
            topics.into_iter().map(|at| at.map_or(Ok(BTreeSet::new()), |at| at.read(hex::read_hash)));
        Ok(Self {
            from,
            to,
            addresses: fields.address.map_or(Ok(BTreeSet::new()), |it| it.read(hex::read_address))?,
            topics: topics.collect::<Result<_, _>>()?,
        })
    }

    /// Whether a log is asked for.
    pub(crate) fn matches(&self, log: &Log) -> bool {
        let of_contract = self.addresses.is_empty() || self.addresses.contains(&log.address);
        of_contract
            && self.topics.len() <= log.topics().len()
            && self.topics.iter().zip(log.topics()).all(|(any, topic)| any.is_empty() || any.contains(topic))
    }

    /// Whether a block with this filter of its logs may have one that is asked for.
    fn may_be_in(&self, bloom: &Bloom) -> bool {
        let has = |bytes: &[u8]| bloom.contains_input(BloomInput::Raw(bytes));
        let addresses = self.addresses.is_empty() || self.addresses.iter().any(|it| has(it.as_slice()));
        addresses && self.topics.iter().all(|any| any.is_empty() || any.iter().any(|it| has(it.as_slice())))
    }
}

pub(super) fn get(reading: &Reading<'_>, params: &Params<'_>) -> Answer {
    let filter = Filter::read(
        params.json(0).ok_or_else(|| RpcError::params("missing value for required argument 0"))?,
    )?;
    let head = reading.head()?.number;
    let number = |id| -> Result<u64, RpcError> {
        match id {
            BlockId::Head => Ok(head),
            BlockId::Number(number) => Ok(number),
            id => match reading.block(id)? {
                Some((block, _)) => Ok(block.header.number),
                None => Err(RpcError::refused("unknown block")),
            },
        }
    };
    let (from, to) = (number(filter.from)?, number(filter.to)?);
    if from > to {
        return Err(RpcError::params("invalid block range params"));
    }
    reading.logs(&filter, from, to).map(Value::Array)
}

impl View<'_> {
    /// The logs of blocks from `from` up to `to` that a filter asks for and the viewer sees.
    ///
    /// # Errors
    /// If there are too many, or there is too much to look at.
    pub(crate) fn logs(&self, filter: &Filter, from: u64, to: u64) -> Result<Vec<Value>, RpcError> {
        if !self.viewer.sees_anything() {
            return Ok(Vec::new());
        }
        let (from, to) = (Number(from), Number(to));
        let bounds = (
            Bound::Included(&*from.encode()).map(<[u8]>::to_vec),
            Bound::Included(&*to.encode()).map(<[u8]>::to_vec),
        );
        let bounds = (bounds.0.as_ref().map(Vec::as_slice), bounds.1.as_ref().map(Vec::as_slice));
        let mut found = Vec::new();
        let mut looked_at = 0;
        for (number, bloom) in self.state.range_in(self.tables.blooms.name(), bounds, Order::Ascending) {
            let (Some(Number(number)), Ok(bloom)) = (Number::decode(number), Bloom::try_from(bloom)) else {
                continue;
            };
            if !filter.may_be_in(&bloom) {
                continue;
            }
            let Some(block) = self.tables.block(self.state, number)? else { continue };
            let hash = block.header.hash_slow();
            looked_at += block.transactions.len();
            if looked_at > MAX_TRANSACTIONS {
                return Err(RpcError::new(
                    LIMIT_EXCEEDED,
                    "query looks at too many transactions: ask for fewer blocks",
                ));
            }
            for placed in self.listed(&block, hash)? {
                self.add_logs(&placed, filter, &mut found);
                if found.len() > MAX_LOGS {
                    let text = format!("query returned more than {MAX_LOGS} results: ask for fewer blocks");
                    return Err(RpcError::new(LIMIT_EXCEEDED, text));
                }
            }
        }
        Ok(found)
    }

    fn add_logs(&self, placed: &Placed, filter: &Filter, found: &mut Vec<Value>) {
        let to = placed.to();
        let logs = (0..).zip(&placed.record.logs);
        let logs = logs
            .filter(|(_, log)| filter.matches(log) && self.viewer.sees_log(&placed.record, to.as_ref(), log));
        let hash = *placed.envelope.tx_hash();
        found.extend(logs.map(|(index, log)| render::log(log, hash, &placed.at, index)));
    }
}
