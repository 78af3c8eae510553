//! Calls on states as they are and as they are said to be.

use revm::primitives::hardfork::SpecId;

use super::*;
use crate::{Outcome, tests::Chain};

const CONTRACT: Address = Address::repeat_byte(0xcc);
const CALLER: Address = Address::repeat_byte(0xaa);

/// Returns slot 1 and writes slot 2.
const READS: &[u8] = &[0x60, 7, 0x60, 2, 0x55, 0x60, 1, 0x54, 0x60, 0, 0x52, 0x60, 32, 0x60, 0, 0xf3];

/// Returns one word that an instruction leaves on the stack.
fn returning(instructions: &[u8]) -> Vec<u8> {
    [instructions, &[0x60, 0, 0x52, 0x60, 32, 0x60, 0, 0xf3]].concat()
}

fn word(value: u64) -> Outcome {
    Outcome::Called(U256::from(value).to_be_bytes::<32>().into())
}

fn chain(fees: Fees) -> Chain {
    let mut chain = Chain::new(SpecId::OSAKA);
    chain.rules.fees = fees;
    chain.write(|world, tx| {
        let code_hash = world.put_code(tx, READS);
        world.put_account(tx, &CONTRACT, &Account { nonce: 1, code_hash, ..Account::EMPTY });
        world.put_slot(tx, &CONTRACT, &U256::from(1), U256::from(42));
        // A caller with code, which could sign nothing.
        world.put_account(tx, &CALLER, &Account { nonce: 5, balance: U256::from(100), code_hash });
    });
    chain
}

fn simulate(chain: &Chain, overrides: &Overrides, call: &Call) -> Result<Execution, Refused> {
    let from = chain.store.latest();
    let block = Block { base_fee: 1_000, ..chain.block() };
    let simulation = Simulation {
        world: &chain.world,
        from: &from,
        rules: chain.rules,
        block,
        overrides,
        max_gas: 50_000_000,
    };
    simulation.call(call)
}

fn to(contract: Address) -> Call {
    Call { from: CALLER, to: Some(contract), ..Call::default() }
}

#[test]
fn a_call_is_executed_and_leaves_nothing() {
    let chain = chain(Fees::Charged);
    for _ in 0..2 {
        assert_eq!(simulate(&chain, &Overrides::new(), &to(CONTRACT)).unwrap().outcome, word(42));
    }
    assert_eq!(chain.world.slot(&chain.tx(), &CONTRACT, &U256::from(2)), Ok(U256::ZERO));
    let account = chain.world.account(&chain.tx(), &CALLER).unwrap().unwrap();
    assert_eq!((account.nonce, account.balance), (5, U256::from(100)));
    // Creating returns the code, at the nonce of the state.
    let creating = Call { to: None, data: crate::tests::deploying(READS).into(), ..to(CONTRACT) };
    let created = simulate(&chain, &Overrides::new(), &creating).unwrap().outcome;
    assert_eq!(created, Outcome::Created { address: CALLER.create(5), code: READS.into() });
}

#[test]
fn funds_are_wanted_for_value_and_for_what_is_offered() {
    let dynamic = |max| Price::Dynamic { max, tip: 0 };
    let cases = [
        (Fees::Charged, 100, Price::None, None),
        (Fees::Charged, 101, Price::None, Some("insufficient funds")),
        (Fees::Charged, 0, dynamic(0), None),
        (Fees::Charged, 0, Price::Fixed(1_000), Some("insufficient funds")),
        (Fees::Charged, 0, dynamic(1_000), Some("insufficient funds")),
        (Fees::Charged, 0, dynamic(999), Some("max fee per gas less than block base fee")),
        (Fees::Free, 100, dynamic(999), None),
        (Fees::Free, 101, Price::None, Some("insufficient funds")),
    ];
    for (fees, value, price, expected) in cases {
        let call = Call { value: U256::from(value), price, ..to(Address::repeat_byte(9)) };
        let refused = simulate(&chain(fees), &Overrides::new(), &call).err().map(|error| error.to_string());
        assert_eq!(refused.is_some(), expected.is_some(), "{fees:?} {call:?}: {refused:?}");
        assert!(refused.unwrap_or_default().contains(expected.unwrap_or_default()), "{fees:?} {call:?}");
    }
}

#[test]
fn gas_is_what_is_asked_for_within_the_limit() {
    let chain = chain(Fees::Charged);
    let asks = Overrides::from([(
        CONTRACT,
        Override { code: Some(returning(&[0x5a]).into()), ..Override::default() },
    )]);
    for (gas, at_most) in [(None, 50_000_000), (Some(u64::MAX), 50_000_000), (Some(60_000), 60_000)] {
        let found = simulate(&chain, &asks, &Call { gas, ..to(CONTRACT) }).unwrap();
        assert_eq!(found.outcome, word(at_most - 21_000 - 2));
    }
    let too_little = simulate(&chain, &asks, &Call { gas: Some(100), ..to(CONTRACT) }).unwrap_err();
    assert_eq!(too_little.to_string(), "intrinsic gas too low: gas 100, minimum needed 21000");
}

#[test]
fn accounts_are_what_they_are_said_to_be() {
    let chain = chain(Fees::Charged);
    let new = Address::repeat_byte(0xdd);
    let slots = |slot, value| BTreeMap::from([(U256::from(slot), U256::from(value))]);
    let code = |code: &[u8]| Some(Bytes::copy_from_slice(code));
    let contract_with = |slots| Override { slots, ..Override::default() };
    let balance_of = |address: Address| returning(&[&[0x73], &address[..], &[0x31]].concat());
    let cases = [
        (CONTRACT, contract_with(Slots::Changed(slots(1, 9))), word(9)),
        (CONTRACT, contract_with(Slots::Changed(slots(3, 9))), word(42)),
        (CONTRACT, contract_with(Slots::Replaced(slots(1, 9))), word(9)),
        (CONTRACT, contract_with(Slots::Replaced(slots(3, 9))), word(0)),
        (CONTRACT, Override { code: code(&returning(&[0x60, 3])), ..Override::default() }, word(3)),
        (CONTRACT, Override { code: code(&[]), ..Override::default() }, Outcome::Called(Bytes::new())),
        (
            new,
            Override { code: code(READS), slots: Slots::Changed(slots(1, 8)), ..Override::default() },
            word(8),
        ),
        (
            new,
            Override { code: code(&balance_of(new)), balance: Some(U256::from(77)), ..Override::default() },
            word(77),
        ),
    ];
    for (address, other, expected) in cases {
        let overrides = Overrides::from([(address, other)]);
        let found = simulate(&chain, &overrides, &to(address)).unwrap();
        assert_eq!(found.outcome, expected, "{overrides:?}");
    }
    // A delegation that is none does not end the program.
    let wrong = Override { code: code(&[0xef, 0x01, 0x00, 1]), ..Override::default() };
    let found = simulate(&chain, &Overrides::from([(CONTRACT, wrong)]), &to(CONTRACT)).unwrap();
    assert!(matches!(found.outcome, Outcome::Halted(_)), "{found:?}");
    // A nonce says where a contract comes to be.
    let nonce = Overrides::from([(CALLER, Override { nonce: Some(9), ..Override::default() })]);
    let creating = Call { to: None, ..to(CONTRACT) };
    let found = simulate(&chain, &nonce, &creating).unwrap().outcome;
    assert_eq!(found, Outcome::Created { address: CALLER.create(9), code: Bytes::new() });
}
