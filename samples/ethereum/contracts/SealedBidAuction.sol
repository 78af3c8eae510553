// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {CocoRandom} from "./CocoRandom.sol";
import {Token} from "./Token.sol";

/// One lot, sold to the highest of the bids that nobody sees before the end.
///
/// A bid needs neither a hash nor a second round to reveal it: it is state that Coco keeps to itself. The tokens are
/// locked with the bid, so that the winner can pay; whoever asks the token for the bidder's balance before and after sees
/// how many they are, as that is what such a token tells.
contract SealedBidAuction {
    /// Bounds the loop in `close`.
    uint256 public constant MAX_BIDDERS = 64;

    Token public immutable token;
    address public immutable seller;
    uint64 public immutable deadline;

    address[] private bidders;
    mapping(address bidder => uint256) private bids;

    bool public closed;
    address public winner;
    uint256 public price;

    event BidPlaced(address indexed bidder, uint256 amount);
    event Sold(address indexed winner, uint256 price);
    event Unsold();

    error TooEarly(uint64 deadline);
    error TooLate(uint64 deadline);

    constructor(Token token_, uint64 deadline_) {
        token = token_;
        seller = msg.sender;
        deadline = deadline_;
    }

    /// Bids `amount`, which the caller approved before. One bid each: a second one would tell the first apart.
    function bid(uint256 amount) external {
        require(block.timestamp < deadline, TooLate(deadline));
        require(amount > 0, "a bid is more than nothing");
        require(bids[msg.sender] == 0, "you have bid");
        require(bidders.length < MAX_BIDDERS, "no more bidders");
        bids[msg.sender] = amount;
        bidders.push(msg.sender);
        emit BidPlaced(msg.sender, amount);
        require(token.transferFrom(msg.sender, address(this), amount));
    }

    /// The caller's own bid, which is all that anyone can ask for.
    function ownBid() external view returns (uint256) {
        return bids[msg.sender];
    }

    /// Sells to the highest bid; among equal ones the enclave draws.
    function close() external {
        require(block.timestamp >= deadline, TooEarly(deadline));
        require(!closed, "closed already");
        closed = true;

        (address[] memory highest, uint256 count) = findHighest();
        if (count == 0) {
            emit Unsold();
            return;
        }
        winner = highest[count == 1 ? 0 : CocoRandom.below(count, "sealed bid auction")];
        price = bids[winner];
        bids[winner] = 0;
        emit Sold(winner, price);
        require(token.transfer(seller, price));
    }

    /// Gives the caller's tokens back when another bid has won.
    function withdraw() external {
        require(closed, TooEarly(deadline));
        uint256 amount = bids[msg.sender];
        require(amount > 0, "nothing to give back");
        bids[msg.sender] = 0;
        require(token.transfer(msg.sender, amount));
    }

    /// The bidders whose bid nobody exceeds; only the first `count` places of the array are theirs.
    function findHighest() private view returns (address[] memory highest, uint256 count) {
        highest = new address[](bidders.length);
        uint256 best;
        for (uint256 i = 0; i < bidders.length; i++) {
            uint256 amount = bids[bidders[i]];
            if (amount > best) {
                (best, count) = (amount, 0);
            }
            if (amount == best) {
                highest[count++] = bidders[i];
            }
        }
    }
}
