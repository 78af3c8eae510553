// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Token} from "./Token.sol";

/// Holds a buyer's tokens until the goods are there: the buyer or an arbiter pays the seller, the seller or the arbiter
/// pays back, and after the deadline the buyer may take the tokens back too.
contract Escrow {
    enum State {
        None,
        Held,
        Paid,
        Refunded
    }

    struct Deal {
        State state;
        address buyer;
        address seller;
        address arbiter;
        uint64 deadline;
        uint256 amount;
    }

    Token public immutable token;

    /// Private, since the getter of a public mapping would answer anyone who counts up.
    mapping(uint256 id => Deal) private deals;
    uint256 private opened;

    event Opened(uint256 indexed id, address indexed buyer, address indexed seller, uint256 amount);
    event Closed(uint256 indexed id, address indexed buyer, address indexed seller, State state);

    error NotAllowed(uint256 id, address caller);
    error NotHeld(uint256 id, State state);

    constructor(Token token_) {
        token = token_;
    }

    /// Takes `amount` from the caller, who approved it before.
    function open(address seller, address arbiter, uint256 amount, uint64 deadline) external returns (uint256 id) {
        require(deadline > block.timestamp, "the deadline has passed");
        id = ++opened;
        deals[id] = Deal(State.Held, msg.sender, seller, arbiter, deadline, amount);
        emit Opened(id, msg.sender, seller, amount);
        require(token.transferFrom(msg.sender, address(this), amount));
    }

    function pay(uint256 id) external {
        Deal storage deal = deals[id];
        require(msg.sender == deal.buyer || msg.sender == deal.arbiter, NotAllowed(id, msg.sender));
        close(id, State.Paid, deal.seller);
    }

    function refund(uint256 id) external {
        Deal storage deal = deals[id];
        bool late = msg.sender == deal.buyer && block.timestamp >= deal.deadline;
        require(late || msg.sender == deal.seller || msg.sender == deal.arbiter, NotAllowed(id, msg.sender));
        close(id, State.Refunded, deal.buyer);
    }

    /// The deal as its parties see it; to anyone else it looks as if it were not there.
    function read(uint256 id) external view returns (Deal memory deal) {
        deal = deals[id];
        if (msg.sender != deal.buyer && msg.sender != deal.seller && msg.sender != deal.arbiter) {
            delete deal;
        }
    }

    function close(uint256 id, State end, address to) private {
        Deal storage deal = deals[id];
        require(deal.state == State.Held, NotHeld(id, deal.state));
        deal.state = end;
        emit Closed(id, deal.buyer, deal.seller, end);
        require(token.transfer(to, deal.amount));
    }
}
