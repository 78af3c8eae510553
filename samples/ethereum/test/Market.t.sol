// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {CocoRandom} from "../contracts/CocoRandom.sol";
import {Escrow} from "../contracts/Escrow.sol";
import {SealedBidAuction} from "../contracts/SealedBidAuction.sol";
import {Token} from "../contracts/Token.sol";

/// The cheat codes that these tests use, of those that Foundry and Hardhat share.
interface Vm {
    function etch(address target, bytes calldata code) external;
    function expectRevert(bytes calldata revertData) external;
    function prank(address caller) external;
    function warp(uint256 timestamp) external;
}

/// Answers like the precompile, with one number for all draws.
contract FixedRandom {
    uint256 private immutable number;

    constructor(uint256 number_) {
        number = number_;
    }

    fallback(bytes calldata input) external returns (bytes memory) {
        (uint256 length,) = abi.decode(input, (uint256, bytes));
        assert(length == 32);
        return abi.encodePacked(number);
    }
}

contract MarketTest {
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    address private constant ALICE = address(0xA11CE);
    address private constant BOB = address(0xB0B);
    address private constant CAROL = address(0xCA401);
    uint64 private constant DEADLINE = 1_900_000_000;

    Token private token;
    Escrow private escrow;
    SealedBidAuction private auction;

    function setUp() public {
        vm.warp(DEADLINE - 1);
        token = new Token("Consortium Dollar", "CUSD", 1000);
        escrow = new Escrow(token);
        auction = new SealedBidAuction(token, DEADLINE);
        address[3] memory holders = [ALICE, BOB, CAROL];
        for (uint256 i = 0; i < holders.length; i++) {
            assert(token.transfer(holders[i], 100));
        }
    }

    function testTransferNeedsBalance() public {
        vm.expectRevert(abi.encodeWithSelector(Token.InsufficientBalance.selector, ALICE, 100, 101));
        vm.prank(ALICE);
        token.transfer(BOB, 101);
    }

    function testTransferFromNeedsAllowance() public {
        vm.expectRevert(abi.encodeWithSelector(Token.InsufficientAllowance.selector, address(this), 0, 1));
        token.transferFrom(ALICE, BOB, 1);
    }

    function testOnlyTheIssuerMints() public {
        vm.expectRevert(abi.encodeWithSignature("Error(string)", "only the issuer mints"));
        vm.prank(ALICE);
        token.mint(ALICE, 1);
    }

    function testEscrowPaysTheSeller() public {
        uint256 id = openDeal();
        vm.prank(ALICE);
        escrow.pay(id);
        assert(token.balanceOf(BOB) == 140);
        vm.expectRevert(abi.encodeWithSelector(Escrow.NotHeld.selector, id, Escrow.State.Paid));
        vm.prank(CAROL);
        escrow.refund(id);
    }

    function testEscrowRefundsTheBuyerAfterTheDeadlineOnly() public {
        uint256 id = openDeal();
        vm.expectRevert(abi.encodeWithSelector(Escrow.NotAllowed.selector, id, ALICE));
        vm.prank(ALICE);
        escrow.refund(id);
        vm.warp(DEADLINE);
        vm.prank(ALICE);
        escrow.refund(id);
        assert(token.balanceOf(ALICE) == 100);
    }

    function testEscrowTellsOnlyTheParties() public {
        uint256 id = openDeal();
        assert(escrow.read(id).amount == 0);
        vm.prank(BOB);
        assert(escrow.read(id).amount == 40);
    }

    function testAuctionSellsToTheHighest() public {
        placeBid(ALICE, 10);
        placeBid(BOB, 30);
        placeBid(CAROL, 20);
        assert(auction.ownBid() == 0);
        vm.expectRevert(abi.encodeWithSelector(SealedBidAuction.TooEarly.selector, DEADLINE));
        auction.close();
        vm.warp(DEADLINE);
        auction.close();
        assert(auction.winner() == BOB && auction.price() == 30);
        assert(token.balanceOf(address(this)) == 730);
        vm.prank(CAROL);
        auction.withdraw();
        assert(token.balanceOf(CAROL) == 100);
        vm.expectRevert(abi.encodeWithSignature("Error(string)", "nothing to give back"));
        vm.prank(BOB);
        auction.withdraw();
    }

    function testAuctionWithoutBidsIsUnsold() public {
        vm.warp(DEADLINE);
        auction.close();
        assert(auction.closed() && auction.winner() == address(0));
    }

    function testTieIsDrawn() public {
        placeBid(ALICE, 30);
        placeBid(BOB, 30);
        placeBid(CAROL, 20);
        vm.etch(CocoRandom.PRECOMPILE, address(new FixedRandom(7)).code);
        vm.warp(DEADLINE);
        auction.close();
        assert(auction.winner() == BOB);
    }

    function testTieNeedsRandomness() public {
        placeBid(ALICE, 30);
        placeBid(BOB, 30);
        vm.warp(DEADLINE);
        vm.expectRevert(abi.encodeWithSelector(CocoRandom.NoRandomness.selector));
        auction.close();
    }

    function openDeal() private returns (uint256) {
        vm.prank(ALICE);
        token.approve(address(escrow), 40);
        vm.prank(ALICE);
        return escrow.open(BOB, CAROL, 40, DEADLINE);
    }

    function placeBid(address bidder, uint256 amount) private {
        vm.prank(bidder);
        token.approve(address(auction), amount);
        vm.prank(bidder);
        auction.bid(amount);
    }
}
