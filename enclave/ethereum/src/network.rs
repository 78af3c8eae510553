//! What members decide about a network: rows that their proposals write.

use alloy_primitives::Address;
use coco_evm::Fees;
use coco_kv::JsonValue;
use serde::{Deserialize, Serialize};

/// Settings of a network, which members change while it runs. They count from the next block on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Network {
    /// Who sees what.
    pub visibility: Visibility,
    /// Whether senders pay for gas.
    pub fees: FeeRule,
    /// Most gas of a transaction; that of the fork, if any, without (EIP-7825).
    pub max_transaction_gas: Option<u64>,
    /// Most gas of a block.
    pub max_block_gas: u64,
    /// Most gas of a call that nobody signed, as `eth_call` makes them.
    pub max_call_gas: u64,
    /// What a unit of gas costs at least where it costs anything, in wei.
    pub base_fee: u64,
    /// Who is paid for gas.
    pub fee_recipient: Address,
    /// Who may see what others have.
    pub native_balance: NativeBalance,
    /// Who may send transactions.
    pub send: Permission,
    /// Who may create contracts.
    pub deploy: Permission,
}

/// Who sees transactions, receipts, logs and state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Their parties.
    #[default]
    Confidential,
    /// Everybody who can reach a node, as in public networks.
    Transparent,
}

/// Whether senders pay for gas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeeRule {
    /// Nobody pays, whatever a transaction offers.
    #[default]
    Free,
    /// As in public networks.
    Charged,
}

/// Who sees the balance of an account, where transactions are confidential.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NativeBalance {
    /// Whoever proves that the account is theirs.
    #[default]
    Own,
    /// Everybody.
    Network,
}

/// Who may do something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// Every account.
    #[default]
    Anyone,
    /// Accounts that members list.
    Listed,
}

/// What members allow one account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Allowed {
    /// To send transactions, where not everybody may.
    pub(crate) send: bool,
    /// To create contracts, where not everybody may.
    pub(crate) deploy: bool,
}

impl JsonValue for Network {}
impl JsonValue for Allowed {}

impl Default for Network {
    fn default() -> Self {
        Self {
            visibility: Visibility::default(),
            fees: FeeRule::default(),
            max_transaction_gas: None,
            max_block_gas: 1_000_000_000,
            max_call_gas: 50_000_000,
            base_fee: 0,
            fee_recipient: Address::ZERO,
            native_balance: NativeBalance::default(),
            send: Permission::default(),
            deploy: Permission::default(),
        }
    }
}

impl Network {
    /// What a unit of gas costs at least, in wei.
    #[must_use]
    pub fn price(&self) -> u64 {
        match self.fees {
            FeeRule::Free => 0,
            FeeRule::Charged => self.base_fee,
        }
    }
}

impl From<FeeRule> for Fees {
    fn from(rule: FeeRule) -> Self {
        match rule {
            FeeRule::Free => Self::Free,
            FeeRule::Charged => Self::Charged,
        }
    }
}
