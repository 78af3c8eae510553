// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// A token of the consortium: the functions and events of ERC-20, and an issuer who may mint.
///
/// Nothing here hides a balance: whoever may call a node may ask for it. Events reach the addresses that they name.
contract Token {
    string public name;
    string public symbol;
    uint8 public constant decimals = 18;
    address public immutable issuer;

    uint256 public totalSupply;
    mapping(address holder => uint256) public balanceOf;
    mapping(address holder => mapping(address spender => uint256)) public allowance;

    event Transfer(address indexed from, address indexed to, uint256 amount);
    event Approval(address indexed holder, address indexed spender, uint256 amount);

    error InsufficientBalance(address holder, uint256 balance, uint256 needed);
    error InsufficientAllowance(address spender, uint256 allowance, uint256 needed);

    constructor(string memory name_, string memory symbol_, uint256 supply) {
        name = name_;
        symbol = symbol_;
        issuer = msg.sender;
        issue(msg.sender, supply);
    }

    function mint(address to, uint256 amount) external {
        require(msg.sender == issuer, "only the issuer mints");
        issue(to, amount);
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        emit Approval(msg.sender, spender, amount);
        return true;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        move(msg.sender, to, amount);
        return true;
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        uint256 allowed = allowance[from][msg.sender];
        require(allowed >= amount, InsufficientAllowance(msg.sender, allowed, amount));
        allowance[from][msg.sender] = allowed - amount;
        move(from, to, amount);
        return true;
    }

    function issue(address to, uint256 amount) private {
        totalSupply += amount;
        balanceOf[to] += amount;
        emit Transfer(address(0), to, amount);
    }

    function move(address from, address to, uint256 amount) private {
        uint256 held = balanceOf[from];
        require(held >= amount, InsufficientBalance(from, held, amount));
        balanceOf[from] = held - amount;
        balanceOf[to] += amount;
        emit Transfer(from, to, amount);
    }
}
