// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {TokenV1} from "./TokenV1.sol";

/// Not safe behind a proxy, since its constructor writes state; the plugin must refuse it.
contract Misplaced is TokenV1 {
    uint256 public written;

    constructor() {
        written = 1;
    }
}
