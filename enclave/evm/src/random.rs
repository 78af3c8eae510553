//! Random bytes for contracts: Ethereum's precompiled contracts and, beside them, Sapphire's source of randomness.

use alloy_primitives::{Address, B256, Bytes, U256, address, keccak256};
use revm::{
    context::Cfg,
    context_interface::ContextTr,
    handler::{EthPrecompiles, PrecompileProvider, precompile_output_to_interpreter_result},
    interpreter::{CallInputs, InterpreterResult},
    precompile::{PrecompileHalt, PrecompileOutput},
    primitives::{AddressSet, hardfork::SpecId},
};

/// Where contracts ask, as in Sapphire. Input is `abi.encode(uint256 length, bytes personalization)`, output are that many
/// bytes and nothing else. Input of another form, and a length over [`MAX_LEN`], use all gas of the call.
pub const ADDRESS: Address = address!("0x0100000000000000000000000000000000000001");

/// Most bytes of a call.
pub const MAX_LEN: usize = 1024;

/// Gas of a call (Sapphire's documentation of the contract).
const BASE_GAS: u64 = 10_000;
/// Gas of each word of output.
const OUTPUT_WORD_GAS: u64 = 240;
/// Gas of each word of personalization.
const PERSONALIZATION_WORD_GAS: u64 = 60;

/// No other hash of this program begins behind a seed with this.
const DOMAIN: &[u8] = b"coco-evm random bytes";

/// What contracts find at fixed addresses in one transaction.
pub(crate) struct Precompiled {
    ethereum: EthPrecompiles,
    /// None: Ethereum's own alone.
    source: Option<Source>,
    warm: AddressSet,
}

/// Bytes from a seed, others in each call.
struct Source {
    seed: B256,
    /// How often it was asked, in frames that were undone, too.
    asked: u64,
}

/// What a call wants.
struct Wanted<'a> {
    len: usize,
    personalization: &'a [u8],
}

impl Precompiled {
    pub(crate) fn new(fork: SpecId, seed: Option<B256>) -> Self {
        let ethereum = EthPrecompiles::new(fork);
        let source = seed.map(|seed| Source { seed, asked: 0 });
        let mut new = Self { ethereum, source, warm: AddressSet::default() };
        new.warm();
        new
    }

    /// All of their addresses.
    pub(crate) fn addresses(&self) -> &AddressSet {
        &self.warm
    }

    fn warm(&mut self) {
        self.warm.clone_from(self.ethereum.warm_addresses());
        if self.source.is_some() {
            self.warm.insert(ADDRESS);
        }
    }
}

impl<C: ContextTr<Cfg: Cfg<Spec = SpecId>>> PrecompileProvider<C> for Precompiled {
    type Output = InterpreterResult;

    fn set_spec(&mut self, fork: SpecId) -> bool {
        let changed = PrecompileProvider::<C>::set_spec(&mut self.ethereum, fork);
        if changed {
            self.warm();
        }
        changed
    }

    fn run(&mut self, context: &mut C, call: &CallInputs) -> Result<Option<InterpreterResult>, String> {
        match &mut self.source {
            Some(source) if call.bytecode_address == ADDRESS => {
                let output = source.answer(&call.input.as_bytes(context), call.gas_limit, call.reservoir);
                Ok(Some(precompile_output_to_interpreter_result(output, call.gas_limit)))
            }
            _ => self.ethereum.run(context, call),
        }
    }

    fn warm_addresses(&self) -> &AddressSet {
        &self.warm
    }
}

impl Source {
    fn answer(&mut self, input: &[u8], gas: u64, reservoir: u64) -> PrecompileOutput {
        let Some(wanted) = Wanted::read(input) else {
            return PrecompileOutput::halt(PrecompileHalt::other_static("not a length and bytes"), reservoir);
        };
        let cost = wanted.gas();
        if cost > gas {
            return PrecompileOutput::halt(PrecompileHalt::OutOfGas, reservoir);
        }
        PrecompileOutput::new(cost, self.bytes(&wanted), reservoir)
    }

    /// Keccak-256 as a pseudorandom function: a key of the call from the seed, blocks from the key.
    fn bytes(&mut self, wanted: &Wanted<'_>) -> Bytes {
        let asked = self.asked.to_be_bytes();
        self.asked += 1;
        let key = keccak256([&self.seed[..], DOMAIN, &asked, wanted.personalization].concat());
        let mut bytes = Vec::with_capacity(wanted.len.next_multiple_of(32));
        for block in (0_u32..).take(wanted.len.div_ceil(32)) {
            bytes.extend(keccak256([&key[..], &block.to_be_bytes()].concat()));
        }
        bytes.truncate(wanted.len);
        bytes.into()
    }
}

impl<'a> Wanted<'a> {
    fn read(input: &'a [u8]) -> Option<Self> {
        let len = word(input, 0).filter(|len| *len <= MAX_LEN)?;
        let at = word(input, 32)?;
        let personalization_len = word(input, at)?;
        let first = at.checked_add(32)?;
        let personalization = input.get(first..first.checked_add(personalization_len)?)?;
        Some(Self { len, personalization })
    }

    fn gas(&self) -> u64 {
        let words = |len: usize| len.div_ceil(32) as u64;
        BASE_GAS
            + OUTPUT_WORD_GAS * words(self.len)
            + PERSONALIZATION_WORD_GAS * words(self.personalization.len())
    }
}

/// A word as a length.
fn word(input: &[u8], at: usize) -> Option<usize> {
    let word = input.get(at..at.checked_add(32)?)?;
    U256::from_be_slice(word).try_into().ok()
}

#[cfg(test)]
mod tests;
