//! Lists of contracts that touch what is known.

use revm::primitives::hardfork::SpecId;

use super::*;
use crate::{Override, Overrides, tests::Chain};

const CALLER: Address = Address::repeat_byte(0xaa);
const CONTRACT: Address = Address::repeat_byte(0xcc);
const OTHER: Address = Address::repeat_byte(0xdd);

fn accessed(code: &[u8], call: &Call) -> Accessed {
    let chain = Chain::new(SpecId::OSAKA);
    let with = |code: &[u8]| Override { code: Some(code.to_vec().into()), ..Override::default() };
    // The other reads slot 5.
    let overrides = Overrides::from([(CONTRACT, with(code)), (OTHER, with(&[0x60, 5, 0x54]))]);
    let from = chain.store.latest();
    let (world, rules, block) = (&chain.world, chain.rules, chain.block());
    let max_gas = 1_000_000;
    Simulation { world, from: &from, rules, block, overrides: &overrides, max_gas }.access_list(call).unwrap()
}

fn call() -> Call {
    Call { from: CALLER, to: Some(CONTRACT), ..Call::default() }
}

fn list(items: &[(Address, &[u64])]) -> AccessList {
    let item = |(address, slots): &(Address, &[u64])| AccessListItem {
        address: *address,
        storage_keys: slots.iter().map(|slot| B256::from(U256::from(*slot))).collect(),
    };
    AccessList(items.iter().map(item).collect())
}

fn calling(address: Address) -> Vec<u8> {
    let mut code = vec![0x60, 0, 0x60, 0, 0x60, 0, 0x60, 0, 0x60, 0, 0x73];
    code.extend(address);
    code.extend([0x5a, 0xf1]);
    code
}

fn balance(address: Address) -> Vec<u8> {
    [&[0x73], &address[..], &[0x31]].concat()
}

#[test]
fn lists_are_what_is_touched() {
    let identity = Address::with_last_byte(4);
    let somebody = Address::repeat_byte(0x55);
    // Whether slot 1 costs little decides whether slot 2 is read.
    let by_gas = [
        0x5a, 0x60, 1, 0x54, 0x50, 0x5a, 0x90, 0x03, // what slot 1 costs
        0x61, 0x03, 0xe8, 0x10, 0x60, 20, 0x57, // more than 1,000?
        0x60, 2, 0x54, 0x00, 0x00, 0x5b, 0x00,
    ];
    let cases: [(Vec<u8>, AccessList); 9] = [
        (vec![], list(&[])),
        (vec![0x60, 1, 0x54, 0x60, 9, 0x60, 2, 0x55], list(&[(CONTRACT, &[1, 2])])),
        (calling(OTHER), list(&[(OTHER, &[5])])),
        (calling(identity), list(&[])),
        (calling(crate::random::ADDRESS), list(&[])),
        (balance(somebody), list(&[(somebody, &[])])),
        (balance(CALLER), list(&[])),
        ([calling(OTHER), vec![0x60, 1, 0x54]].concat(), list(&[(CONTRACT, &[1]), (OTHER, &[5])])),
        (by_gas.to_vec(), list(&[(CONTRACT, &[1, 2])])),
    ];
    for (code, expected) in cases {
        let found = accessed(&code, &call());
        assert_eq!(found.list, expected, "{code:?}");
        assert!(matches!(found.outcome, Outcome::Called(_)), "{found:?}");
    }
}

#[test]
fn gas_is_that_with_the_list() {
    // 21,000 and 2,400 and 1,900 for the list; a warm slot and two pushes.
    let found = accessed(&[0x60, 1, 0x54], &call());
    assert_eq!(found.gas_used, 21_000 + 2_400 + 1_900 + 100 + 3);
}

#[test]
fn a_list_that_is_given_stays_and_a_failure_is_told() {
    let given = list(&[(Address::repeat_byte(0x11), &[3])]);
    let code = [&[0x60, 1, 0x54][..], &[0xfe]].concat();
    let found = accessed(&code, &Call { access_list: Some(given), ..call() });
    assert_eq!(found.list, list(&[(Address::repeat_byte(0x11), &[3]), (CONTRACT, &[1])]));
    assert!(matches!(found.outcome, Outcome::Halted(_)), "{found:?}");
    assert_eq!(found.gas_used, 1_000_000);
}
