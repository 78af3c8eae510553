//! Who sees what.
//!
//! In a confidential network a transaction is its parties': its sender, its recipient, and of each log the addresses in its
//! topics. What somebody must not see is to them as if it were not there.

use std::collections::BTreeSet;

use alloy_primitives::{Address, B256, Log};

use crate::{
    network::{NativeBalance, Network, Visibility},
    records::Record,
};

/// Whoever asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Viewer {
    /// Whether nothing is hidden from anybody.
    sees_all: bool,
    /// Whether balances are not.
    sees_balances: bool,
    /// Accounts that they proved to be theirs.
    accounts: BTreeSet<Address>,
}

/// As whom somebody may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum From {
    /// As this account.
    Account(Address),
    /// As somebody else than they are: that is refused.
    Refused,
}

impl Viewer {
    /// Somebody with these accounts in a network.
    pub(crate) fn new(network: &Network, accounts: BTreeSet<Address>) -> Self {
        let sees_all = network.visibility == Visibility::Transparent;
        let sees_balances = sees_all || network.native_balance == NativeBalance::Network;
        Self { sees_all, sees_balances, accounts }
    }

    /// Whether nothing is hidden from them.
    pub(crate) fn sees_all(&self) -> bool {
        self.sees_all
    }

    /// Whether any transaction may be theirs to see.
    pub(crate) fn sees_anything(&self) -> bool {
        self.sees_all || !self.accounts.is_empty()
    }

    /// Whether an account is theirs.
    pub(crate) fn owns(&self, account: &Address) -> bool {
        self.accounts.contains(account)
    }

    /// Whether they see what an account has.
    pub(crate) fn sees_balance(&self, account: &Address) -> bool {
        self.sees_balances || self.owns(account)
    }

    /// Whether they see a transaction itself: who sent it, to whom, and with what.
    pub(crate) fn sees_transaction(&self, record: &Record, to: Option<&Address>) -> bool {
        self.sees_all || self.owns(&record.sender) || to.is_some_and(|to| self.owns(to))
    }

    /// Whether they see a log of a transaction.
    pub(crate) fn sees_log(&self, record: &Record, to: Option<&Address>, log: &Log) -> bool {
        self.sees_transaction(record, to) || self.is_named(log)
    }

    /// Whether they are a party of a transaction in any way, so that it is in the lists that they see.
    pub(crate) fn is_party(&self, record: &Record, to: Option<&Address>) -> bool {
        self.sees_transaction(record, to) || record.logs.iter().any(|log| self.is_named(log))
    }

    fn is_named(&self, log: &Log) -> bool {
        // The first topic says what kind of log it is, but in anonymous ones.
        !self.accounts.is_empty()
            && log.topics().iter().any(|topic| as_address(topic).is_some_and(|it| self.owns(&it)))
    }

    /// As whom a call is made that names `from`. Whoever proved no account calls as nobody: a contract that asks who calls
    /// it tells nothing to whoever only says so.
    pub(crate) fn calls_as(&self, from: Option<Address>) -> From {
        match from {
            Some(from) if self.sees_all || self.owns(&from) => From::Account(from),
            Some(from) if !from.is_zero() && !self.accounts.is_empty() => From::Refused,
            _ => From::Account(Address::ZERO),
        }
    }
}

/// The address that a topic is, if it may be one.
fn as_address(topic: &B256) -> Option<Address> {
    let (zeros, address) = topic.split_first_chunk::<12>()?;
    (*zeros == [0; 12]).then(|| Address::from_slice(address))
}
