//! Estimates of contracts whose use of gas is known.

use alloy_primitives::Address;
use revm::primitives::hardfork::SpecId;

use super::*;
use crate::{Account, Fees, Override, Overrides, Price, tests::Chain};

const CALLER: Address = Address::repeat_byte(0xaa);
const CONTRACT: Address = Address::repeat_byte(0xcc);

fn estimate(code: &[u8], call: &Call, fees: Fees, max_gas: u64) -> Result<u64, Unestimable> {
    let mut chain = Chain::new(SpecId::OSAKA);
    chain.rules.fees = fees;
    chain.write(|world, tx| {
        let account = Account { balance: U256::from(1_000_000), ..Account::EMPTY };
        world.put_account(tx, &CALLER, &account);
        for slot in 0..4 {
            world.put_slot(tx, &CONTRACT, &U256::from(slot), U256::from(1));
        }
    });
    let code = (!code.is_empty()).then(|| code.to_vec().into());
    let overrides = Overrides::from([(CONTRACT, Override { code, ..Override::default() })]);
    let from = chain.store.latest();
    let (world, rules, block) = (&chain.world, chain.rules, chain.block());
    let simulation = Simulation { world, from: &from, rules, block, overrides: &overrides, max_gas };
    let found = simulation.estimate(call);
    if let Ok(gas) = found {
        let enough = simulation.run(call, gas).unwrap();
        assert!(enough.is_success(), "{gas} is not enough: {enough:?}");
    }
    found
}

fn call() -> Call {
    Call { from: CALLER, to: Some(CONTRACT), ..Call::default() }
}

/// Calls itself with all of its gas, `depth` times, and undoes all if the innermost call fails.
fn nested() -> Vec<u8> {
    // Halts where less than 100,000 gas is left.
    let mut code = vec![0x62, 0x01, 0x86, 0xa0, 0x5a, 0x10, 0x15, 0x60, 12, 0x57, 0xfe, 0x00, 0x5b];
    code.extend([0x36, 0x60, 53, 0x57, 0x60, 0, 0x60, 0, 0x60, 1, 0x60, 0, 0x60, 0, 0x73]);
    code.extend(CONTRACT);
    code.extend([0x5a, 0xf1, 0x60, 55, 0x57]);
    assert_eq!(code.len(), 53);
    code.extend([0x5b, 0x00, 0x5b, 0x00]);
    code
}

#[test]
fn estimates_are_enough_and_hardly_more() {
    // Clears four slots: much is given back, which must be there first.
    let clears: Vec<u8> = (0..4).flat_map(|slot| [0x60, 0, 0x60, slot, 0x55]).collect();
    let cases: [(&[u8], Call, u64); 5] = [
        (&[], call(), 21_000),
        (&[], Call { data: vec![1].into(), ..call() }, 21_040),
        (&[], Call { to: None, ..call() }, 53_000),
        (&[0x60, 1, 0x60, 9, 0x55], call(), 43_106),
        (&clears, call(), 41_024),
    ];
    for (code, call, least) in cases {
        let found = estimate(code, &call, Fees::Free, 50_000_000).unwrap();
        let most = least * 1_020 / 1_000 + 1;
        assert!((least..=most).contains(&found), "{found}, not {least} to {most}: {call:?}");
    }
    assert!(estimate(&nested(), &call(), Fees::Free, 50_000_000).unwrap() > 100_000);
}

#[test]
fn what_always_fails_says_why() {
    let reverts = [0x60, 7, 0x60, 0, 0x52, 0x60, 32, 0x60, 0, 0xfd];
    let found = estimate(&reverts, &call(), Fees::Free, 50_000_000).unwrap_err();
    let expected = alloy_primitives::Bytes::from(U256::from(7).to_be_bytes::<32>());
    assert!(matches!(&found, Unestimable::Failed(Outcome::Reverted(data)) if *data == expected), "{found:?}");
    let found = estimate(&[0xfe], &call(), Fees::Free, 50_000_000).unwrap_err();
    assert!(matches!(found, Unestimable::Failed(Outcome::Halted(_))), "{found:?}");
    let endless = [0x5b, 0x60, 0, 0x56];
    let found = estimate(&endless, &call(), Fees::Free, 1_000_000).unwrap_err();
    assert_eq!(found.to_string(), "gas required exceeds allowance (1000000)");
}

#[test]
fn limits_are_the_callers_the_nodes_and_what_is_paid_for() {
    let value = |value: u64| U256::from(value);
    let paid = |max, value| Call { price: Price::Dynamic { max, tip: 0 }, value, ..call() };
    let cases = [
        (paid(10, value(0)), Fees::Charged, Ok(21_000)),
        (paid(50, value(0)), Fees::Charged, Err("gas required exceeds allowance (20000)")),
        (paid(50, value(0)), Fees::Free, Ok(21_000)),
        (paid(10, value(800_000)), Fees::Charged, Err("gas required exceeds allowance (20000)")),
        (paid(10, value(1_000_001)), Fees::Charged, Err("insufficient funds for transfer")),
        (
            Call { value: value(1_000_001), ..call() },
            Fees::Charged,
            Err("insufficient funds for gas * price + value: balance 1000000, tx cost 1000001, overshoot 1"),
        ),
    ];
    for (call, fees, expected) in cases {
        let found = estimate(&[], &call, fees, 50_000_000).map_err(|error| error.to_string());
        assert_eq!(found, expected.map_err(str::to_owned), "{call:?}");
    }
    let stores = [0x60, 1, 0x60, 9, 0x55];
    for (gas, max_gas) in [(Some(30_000), 50_000_000), (None, 30_000)] {
        let found = estimate(&stores, &Call { gas, ..call() }, Fees::Free, max_gas).unwrap_err();
        assert_eq!(found.to_string(), "gas required exceeds allowance (30000)");
    }
    let transfer = estimate(&[], &call(), Fees::Free, 20_999).unwrap_err();
    assert_eq!(transfer.to_string(), "gas required exceeds allowance (20999)");
}
