// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {TokenV1} from "./TokenV1.sol";

/// The same token, with an account that may not send. Nothing is to be initialized: the mapping starts empty.
/// @custom:oz-upgrades-unsafe-allow missing-initializer
contract TokenV2 is TokenV1 {
    mapping(address account => bool) public frozen;

    error Frozen(address account);

    function freeze(address account) external onlyOwner {
        frozen[account] = true;
    }

    function _update(address from, address to, uint256 amount) internal override {
        require(!frozen[from], Frozen(from));
        super._update(from, to, amount);
    }
}
