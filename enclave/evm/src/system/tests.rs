//! Contracts of the system, with their code from EIP-2935 and EIP-4788.

use alloy_primitives::{U256, hex};

use super::*;
use crate::{Account, tests::Chain};

const HISTORY_CODE: [u8; 83] = hex!(
    "3373fffffffffffffffffffffffffffffffffffffffe14604657602036036042575f35600143038111604257611fff81430311604257611fff9006545f5260205ff35b5f5ffd5b5f35611fff60014303065500"
);
const BEACON_CODE: [u8; 97] = hex!(
    "3373fffffffffffffffffffffffffffffffffffffffe14604d57602036146024575f5ffd5b5f35801560495762001fff810690815414603c575f5ffd5b62001fff01545f5260205ff35b5f5ffd5b62001fff42064281555f359062001fff015500"
);

fn chain(fork: SpecId, deployed: bool) -> Chain {
    let mut chain = Chain::new(fork);
    chain.number = 8_191 * 3 + 5;
    chain.write(|world, tx| {
        for (address, code) in [(HISTORY, &HISTORY_CODE[..]), (BEACON_ROOTS, &BEACON_CODE)] {
            let code_hash = world.put_code(tx, if deployed { code } else { &[] });
            world.put_account(tx, &address, &Account { nonce: 1, code_hash, ..Account::EMPTY });
        }
    });
    chain
}

#[test]
fn a_block_tells_what_its_fork_has() {
    let parent = B256::repeat_byte(0x11);
    let cases = [
        (SpecId::SHANGHAI, true, false, false),
        (SpecId::CANCUN, true, false, true),
        (SpecId::PRAGUE, true, true, true),
        (SpecId::OSAKA, true, true, true),
        (SpecId::OSAKA, false, false, false),
    ];
    for (fork, deployed, history, beacon) in cases {
        let mut chain = chain(fork, deployed);
        let (rules, block) = (chain.rules, chain.block());
        chain.write(|world, tx| world.begin_block(tx, &rules, &block, parent, B256::ZERO)).unwrap();
        let slot =
            |address: &Address, slot: u64| chain.world.slot(&chain.tx(), address, &U256::from(slot)).unwrap();
        let told = if history { parent.into() } else { U256::ZERO };
        assert_eq!(slot(&HISTORY, 4), told, "{fork:?}");
        let told = if beacon { U256::from(block.time_s) } else { U256::ZERO };
        assert_eq!(slot(&BEACON_ROOTS, block.time_s % 8_191), told, "{fork:?}");
        assert_eq!(slot(&BEACON_ROOTS, block.time_s % 8_191 + 8_191), U256::ZERO);
        // Nobody sent it.
        let system = alloy_primitives::address!("0xfffffffffffffffffffffffffffffffffffffffe");
        assert_eq!(chain.world.account(&chain.tx(), &system), Ok(None));
    }
}
