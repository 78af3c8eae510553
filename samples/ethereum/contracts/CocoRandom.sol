// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// Random numbers from inside the enclave, by the precompile whose address and ABI are those of Oasis Sapphire.
///
/// Whoever may simulate the calling contract sees numbers drawn in the simulation, not those of the transaction; and a
/// caller that reverts on a number it dislikes draws again. Draw only where the caller has committed itself before.
library CocoRandom {
    address internal constant PRECOMPILE = 0x0100000000000000000000000000000000000001;

    /// Rejects a number with probability at most one half, so a good precompile does not get here.
    uint256 private constant TRIES = 256;

    /// No precompile answered: this is not Coco, or not Sapphire.
    error NoRandomness();

    /// `length` random bytes; `personalization` sets the draws of one purpose apart from those of another.
    function draw(uint256 length, bytes memory personalization) internal view returns (bytes memory drawn) {
        bool success;
        (success, drawn) = PRECOMPILE.staticcall(abi.encode(length, personalization));
        require(success && drawn.length == length, NoRandomness());
    }

    /// A number from 0 up to, not including, `bound`, each equally likely.
    function below(uint256 bound, bytes memory personalization) internal view returns (uint256) {
        require(bound > 0, "nothing to draw from");
        // The highest multiple of the bound, less one; numbers above it would favour the low ones.
        uint256 last = type(uint256).max - (type(uint256).max % bound + 1) % bound;
        for (uint256 i = 0; i < TRIES; i++) {
            uint256 number = uint256(bytes32(draw(32, abi.encode(personalization, i))));
            if (number <= last) {
                return number % bound;
            }
        }
        revert NoRandomness();
    }
}
