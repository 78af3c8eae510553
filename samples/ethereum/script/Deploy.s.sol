// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Escrow} from "../contracts/Escrow.sol";
import {SealedBidAuction} from "../contracts/SealedBidAuction.sol";
import {Token} from "../contracts/Token.sol";

/// The cheat codes that this script uses.
interface Vm {
    function envUint(string calldata name) external view returns (uint256);
    function startBroadcast(uint256 key) external;
    function stopBroadcast() external;
}

/// Deploys what the Ignition module deploys: `forge script script/Deploy.s.sol --rpc-url URL --broadcast`.
contract Deploy {
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    bool public constant IS_SCRIPT = true;

    function run() external returns (Token token, Escrow escrow, SealedBidAuction auction) {
        vm.startBroadcast(vm.envUint("DEPLOYER_KEY"));
        token = new Token("Consortium Dollar", "CUSD", 1_000_000 ether);
        escrow = new Escrow(token);
        auction = new SealedBidAuction(token, uint64(vm.envUint("AUCTION_DEADLINE")));
        vm.stopBroadcast();
    }
}
