//! Rows of the world state.

use alloy_primitives::{address, keccak256};

use super::*;
use crate::tests::Chain;
use revm::primitives::hardfork::SpecId;

const ONE: Address = address!("0x00000000000000000000000000000000000000a1");
const OTHER: Address = address!("0x00000000000000000000000000000000000000a2");

#[test]
fn accounts_have_one_form() {
    let account = Account { nonce: 3, balance: U256::from(0x0102), code_hash: keccak256(b"code") };
    let row = account.encode().into_owned();
    assert_eq!(row.len(), ACCOUNT_LEN);
    assert_eq!((&row[..8], &row[38..40]), (&[0, 0, 0, 0, 0, 0, 0, 3][..], &[1, 2][..]));
    assert_eq!(Account::decode(&row), Some(account));
    for wrong in [&row[..71], &[&row[..], &[0]].concat(), &[]] {
        assert_eq!(Account::decode(wrong), None);
    }
}

#[test]
fn slots_have_no_zeros_in_front() {
    for value in [U256::from(1), U256::from(256), U256::MAX] {
        let row = Slot(value).encode().into_owned();
        assert_eq!(Slot::decode(&row).map(|slot| slot.0), Some(value));
        assert!(Slot::decode(&[&[0], &row[..]].concat()).is_none());
    }
    assert!(Slot::decode(&[]).is_none());
    assert!(Slot::decode(&[1; 33]).is_none());
}

#[test]
fn what_is_nothing_is_no_row() {
    let mut chain = Chain::new(SpecId::OSAKA);
    let used = Account { nonce: 1, ..Account::EMPTY };
    chain.write(|world, tx| {
        world.put_account(tx, &ONE, &used);
        world.put_slot(tx, &ONE, &U256::from(7), U256::from(8));
        world.put_slot(tx, &OTHER, &U256::from(7), U256::from(9));
        assert_eq!(world.put_code(tx, b""), KECCAK_EMPTY);
    });
    let tx = chain.tx();
    let world = &chain.world;
    assert_eq!(world.account(&tx, &ONE), Ok(Some(used)));
    assert_eq!(world.account(&tx, &OTHER), Ok(None));
    assert_eq!(world.slot(&tx, &ONE, &U256::from(7)), Ok(U256::from(8)));
    assert_eq!(world.slot(&tx, &ONE, &U256::from(8)), Ok(U256::ZERO));
    assert_eq!((world.accounts.len(&tx), world.code.len(&tx), world.storage.len(&tx)), (1, 0, 2));
    chain.write(|world, tx| {
        world.put_account(tx, &ONE, &Account::EMPTY);
        world.put_slot(tx, &ONE, &U256::from(7), U256::ZERO);
    });
    let tx = chain.tx();
    assert_eq!((chain.world.accounts.len(&tx), chain.world.storage.len(&tx)), (0, 1));
}

#[test]
fn only_the_storage_of_one_account_is_cleared() {
    let mut chain = Chain::new(SpecId::OSAKA);
    let slots = [U256::ZERO, U256::from(1), U256::MAX];
    chain.write(|world, tx| {
        for address in [ONE, OTHER] {
            for slot in &slots {
                world.put_slot(tx, &address, slot, U256::from(5));
            }
        }
    });
    chain.write(|world, tx| world.clear_storage(tx, &ONE));
    let tx = chain.tx();
    for slot in &slots {
        assert_eq!(chain.world.slot(&tx, &ONE, slot), Ok(U256::ZERO));
        assert_eq!(chain.world.slot(&tx, &OTHER, slot), Ok(U256::from(5)));
    }
}

#[test]
fn code_that_is_missing_is_an_error() {
    let chain = Chain::new(SpecId::OSAKA);
    let tx = chain.tx();
    let missing = chain.world.code(&tx, &keccak256(b"code")).unwrap_err();
    assert_eq!(missing.table.as_str(), "evm.code");
    assert_eq!(chain.world.code(&tx, &KECCAK_EMPTY), Ok(Bytes::new()));
}
