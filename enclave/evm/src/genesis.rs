//! How a network begins, in the form of geth's `genesis.json` (go-ethereum, `core/genesis.go` and `params/config.go`).

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes, U256};
use coco_kv::Tx;
use revm::primitives::hardfork::SpecId;
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::{Account, Schedule, World};

/// Most bytes of the JSON.
pub const MAX_LEN: usize = 64 << 20;

/// The state that a network begins with, and the forks that are to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis {
    /// Transactions name it.
    pub chain_id: u64,
    /// When forks come into force.
    pub schedule: Schedule,
    /// What the first block says of itself.
    pub header: Header,
    /// Accounts of the beginning.
    pub accounts: BTreeMap<Address, Allocated>,
}

/// What the first block says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Its number.
    pub number: u64,
    /// Its time, in seconds since 1970.
    pub time_s: u64,
    /// Its nonce.
    pub nonce: u64,
    /// Anything.
    pub extra: Bytes,
    /// Most gas in a block.
    pub max_gas: u64,
    /// Its difficulty.
    pub difficulty: U256,
    /// What came of its work, or a random number.
    pub mix_hash: B256,
    /// Who is paid for gas.
    pub beneficiary: Address,
    /// What a unit of gas costs at least, in wei.
    pub base_fee: Option<u64>,
}

/// An account of the beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allocated {
    /// In wei.
    #[serde(default, deserialize_with = "number")]
    pub balance: U256,
    /// How many transactions it has sent.
    #[serde(default, deserialize_with = "small")]
    pub nonce: u64,
    /// Its code.
    #[serde(default)]
    pub code: Bytes,
    /// Its storage.
    #[serde(default, deserialize_with = "slots")]
    pub storage: BTreeMap<U256, U256>,
}

/// Why a genesis is none.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// More than [`MAX_LEN`] bytes.
    #[error("the genesis has {0} bytes; the limit is {MAX_LEN}")]
    TooLong(usize),
    /// Not the JSON of one.
    #[error("the genesis: {0}")]
    Json(#[from] serde_json::Error),
    /// No network has these forks, or not in this order.
    #[error("the genesis: `config.{0}` is not behind the fork before it")]
    Order(&'static str),
    /// A fork that this program does not know.
    #[error("the genesis: `config.{0}`: there is no such fork in this version")]
    Unknown(String),
    /// The merge was reached by work that nobody does here.
    #[error("the genesis: `config.mergeNetsplitBlock` must say with which block the merge begins")]
    Merge,
}

/// The file, field by field.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    config: BTreeMap<String, serde_json::Value>,
    #[serde(default, deserialize_with = "small")]
    nonce: u64,
    #[serde(default, deserialize_with = "small")]
    timestamp: u64,
    #[serde(default)]
    extra_data: Bytes,
    #[serde(deserialize_with = "small")]
    gas_limit: u64,
    #[serde(default, deserialize_with = "number")]
    difficulty: U256,
    #[serde(default)]
    mix_hash: B256,
    #[serde(default)]
    coinbase: Address,
    #[serde(default, deserialize_with = "small")]
    number: u64,
    #[serde(default, deserialize_with = "optional")]
    base_fee_per_gas: Option<u64>,
    alloc: BTreeMap<String, Allocated>,
}

/// Forks by number, in order, some of which change nothing that is executed.
const BY_NUMBER: [(&str, Option<SpecId>); 12] = [
    ("homesteadBlock", Some(SpecId::HOMESTEAD)),
    ("eip150Block", Some(SpecId::TANGERINE)),
    ("eip155Block", None),
    ("eip158Block", Some(SpecId::SPURIOUS_DRAGON)),
    ("byzantiumBlock", Some(SpecId::BYZANTIUM)),
    // Petersburg took back what was wrong with Constantinople, and no network keeps them apart.
    ("constantinopleBlock", Some(SpecId::PETERSBURG)),
    ("petersburgBlock", Some(SpecId::PETERSBURG)),
    ("istanbulBlock", Some(SpecId::ISTANBUL)),
    ("muirGlacierBlock", None),
    ("berlinBlock", Some(SpecId::BERLIN)),
    ("londonBlock", Some(SpecId::LONDON)),
    ("mergeNetsplitBlock", Some(SpecId::MERGE)),
];
/// Forks by time, in order.
const BY_TIME: [(&str, SpecId); 4] = [
    ("shanghaiTime", SpecId::SHANGHAI),
    ("cancunTime", SpecId::CANCUN),
    ("pragueTime", SpecId::PRAGUE),
    ("osakaTime", SpecId::OSAKA),
];
/// What else may stand there: it says nothing of executions, or of blobs, which nobody stores.
const IGNORED: [&str; 16] = [
    "chainId",
    "daoForkBlock",
    "arrowGlacierBlock",
    "grayGlacierBlock",
    "terminalTotalDifficulty",
    "terminalTotalDifficultyPassed",
    "ethash",
    "clique",
    "depositContractAddress",
    "blobSchedule",
    "bpo1Time",
    "bpo2Time",
    "bpo3Time",
    "bpo4Time",
    "bpo5Time",
    "eip150Hash",
];

impl Genesis {
    /// Reads a genesis.
    ///
    /// # Errors
    /// See [`Unusable`].
    pub fn from_json(bytes: &[u8]) -> Result<Self, Unusable> {
        if bytes.len() > MAX_LEN {
            return Err(Unusable::TooLong(bytes.len()));
        }
        let file: File = serde_json::from_slice(bytes)?;
        let chain_id = value(&file.config, "chainId")?.ok_or_else(|| missing("config.chainId"))?;
        let accounts =
            file.alloc.into_iter().map(|(address, account)| Ok((read_address(&address)?, account)));
        Ok(Self {
            chain_id,
            schedule: schedule(&file.config)?,
            header: Header {
                number: file.number,
                time_s: file.timestamp,
                nonce: file.nonce,
                extra: file.extra_data,
                max_gas: file.gas_limit,
                difficulty: file.difficulty,
                mix_hash: file.mix_hash,
                beneficiary: file.coinbase,
                base_fee: file.base_fee_per_gas,
            },
            accounts: accounts.collect::<Result<_, serde_json::Error>>()?,
        })
    }

    /// Writes its accounts into a world without any.
    pub fn write(&self, world: &World, tx: &mut Tx) {
        for (address, allocated) in &self.accounts {
            let Allocated { balance, nonce, code, storage } = allocated;
            let code_hash = world.put_code(tx, code);
            world.put_account(tx, address, &Account { nonce: *nonce, balance: *balance, code_hash });
            for (slot, value) in storage.iter().filter(|(_, value)| !value.is_zero()) {
                world.put_slot(tx, address, slot, *value);
            }
        }
    }
}

fn schedule(config: &BTreeMap<String, serde_json::Value>) -> Result<Schedule, Unusable> {
    for name in config.keys() {
        let by_number = BY_NUMBER.iter().any(|(known, _)| known == name);
        let by_time = BY_TIME.iter().any(|(known, _)| known == name);
        if !by_number && !by_time && !IGNORED.contains(&name.as_str()) {
            return Err(Unusable::Unknown(name.clone()));
        }
    }
    let mut by_number = Vec::new();
    let mut last = Some(0);
    for (name, fork) in BY_NUMBER {
        let from = match value(config, name)? {
            None if name == "mergeNetsplitBlock" => merge(config)?,
            from => from,
        };
        // A fork without a block never comes, and neither does one behind it; the merge may come alone.
        if from.is_some_and(|from| last.is_none_or(|last| from < last)) {
            return Err(Unusable::Order(name));
        }
        if let (Some(from), Some(fork)) = (from, fork) {
            by_number.push((from, fork));
        }
        // Two of them are not in every genesis.
        if !matches!(name, "muirGlacierBlock" | "petersburgBlock") || from.is_some() {
            last = from;
        }
    }
    let mut by_time = Vec::new();
    let mut last = last.map(|_| 0);
    for (name, fork) in BY_TIME {
        let from = value(config, name)?;
        if from.is_some_and(|from| last.is_none_or(|last| from < last)) {
            return Err(Unusable::Order(name));
        }
        by_time.extend(from.map(|from| (from, fork)));
        last = from;
    }
    Ok(Schedule { by_number, by_time })
}

/// With which block the merge begins, where only a difficulty is named.
fn merge(config: &BTreeMap<String, serde_json::Value>) -> Result<Option<u64>, Unusable> {
    let Some(difficulty) = config.get("terminalTotalDifficulty") else { return Ok(None) };
    let begins_with_it = number(difficulty.clone())?.is_zero();
    if begins_with_it { Ok(Some(0)) } else { Err(Unusable::Merge) }
}

fn value(config: &BTreeMap<String, serde_json::Value>, name: &str) -> Result<Option<u64>, serde_json::Error> {
    match config.get(name) {
        None | Some(serde_json::Value::Null) => Ok(None),
        Some(value) => small(value.clone())
            .map(Some)
            .map_err(|error| serde_json::Error::custom(format!("{name}: {error}"))),
    }
}

fn missing(name: &str) -> serde_json::Error {
    serde_json::Error::custom(format!("`{name}` is missing"))
}

fn read_address(text: &str) -> Result<Address, serde_json::Error> {
    let wrong = |error| serde_json::Error::custom(format!("alloc.{}: {error}", text.escape_debug()));
    text.parse().map_err(wrong)
}

/// A number as JSON has it, or as text: decimal, or hexadecimal behind `0x`.
fn number<'de, D: Deserializer<'de>>(from: D) -> Result<U256, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Number {
        Small(u64),
        Text(String),
    }
    match Number::deserialize(from)? {
        Number::Small(number) => Ok(U256::from(number)),
        Number::Text(text) => read_number(&text).ok_or_else(|| D::Error::custom("not a number")),
    }
}

fn read_number(text: &str) -> Option<U256> {
    let (digits, radix) = text.strip_prefix("0x").map_or((text, 10), |digits| (digits, 16));
    let proper = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    // Geth writes nothing for zero in places.
    (proper && (radix == 16 || !digits.is_empty()))
        .then(|| U256::from_str_radix(digits, radix).ok())
        .flatten()
}

fn small<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    number(from)?.try_into().map_err(|_| D::Error::custom("a number of more than 64 bits"))
}

fn optional<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    small(from).map(Some)
}

/// Slots, whose digits may be fewer than 64.
fn slots<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<U256, U256>, D::Error> {
    let wrong = || D::Error::custom("not a slot");
    let digits = |text: &str| {
        let text = text.strip_prefix("0x").unwrap_or(text);
        U256::from_str_radix(text, 16).ok().filter(|_| !text.is_empty() && text.len() <= 64)
    };
    let texts = BTreeMap::<String, String>::deserialize(from)?;
    texts
        .iter()
        .map(|(slot, value)| Ok((digits(slot).ok_or_else(wrong)?, digits(value).ok_or_else(wrong)?)))
        .collect()
}

#[cfg(test)]
mod tests;
