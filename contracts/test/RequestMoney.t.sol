// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IRequestEscrow} from "../src/interfaces/IRequestEscrow.sol";
import {IZkLLMSettlement} from "../src/interfaces/IZkLLMSettlement.sol";
import {MockedSettlement} from "./utils/MockedSettlement.sol";
import {vm} from "./utils/Vm.sol";

/// @dev A person who, whenever ether comes, tries to get more of it.
contract Greedy {
    IZkLLMSettlement private settlement;
    bytes32 public wanted;

    function greet(IZkLLMSettlement settlement_) external {
        settlement = settlement_;
    }

    function want(bytes32 requestId) external {
        wanted = requestId;
    }

    receive() external payable {
        if (address(settlement) == address(0)) return;
        (bool ok,) = address(settlement).call(abi.encodeCall(IRequestEscrow.withdraw, (payable(this))));
        (ok,) = address(settlement).call(abi.encodeCall(IRequestEscrow.reclaim, (wanted)));
    }
}

/// @dev What the invariant test calls at random: three people, one of them greedy, ask, answer, reclaim and withdraw;
/// verifiers are frozen and others registered; time passes; ether is forced in.
contract Money is MockedSettlement {
    address payable[3] private people;
    Greedy private greedy;
    bytes32[] private requests;
    mapping(bytes32 requestId => uint256) private seedOf;
    mapping(bytes32 requestId => uint256) public timesClosed;
    uint256 private shapes;

    uint256 public deposited;
    uint256 public forced;
    uint256 public paid;
    /// @dev How often each thing happened.
    uint256 public asked;
    uint256 public fulfilled;
    uint256 public forestalled;
    uint256 public returned;
    uint256 public withdrawn;

    constructor() {
        setUp();
        vm.warp(1_800_000_000);
        greedy = new Greedy();
        greedy.greet(settlement);
        people = [payable(address(0x1001)), payable(address(0x1002)), payable(address(greedy))];
    }

    function askFor(uint256 who, uint256 seed, uint256 reward, uint64 time) external {
        address asker = people[who % 3];
        reward %= 10 ether;
        uint256 held_ = asker.balance;
        vm.deal(asker, held_ + reward);
        uint64 until = uint64(block.timestamp + 1 + time % 1000);
        uint32[] memory prompt = _prompt(_ids(seed % 20, 4), 1);
        bytes32 salt = bytes32(seed % 50);
        vm.prank(asker);
        try settlement.request{value: reward}(MODEL, prompt, 1, until, salt) returns (bytes32 id) {
            requests.push(id);
            seedOf[id] = seed % 20;
            deposited += reward;
            ++asked;
            if (settlement.requestOf(id).state == IRequestEscrow.State.Closed) ++timesClosed[id];
        } catch {
            vm.deal(asker, held_);
        }
    }

    /// @dev Mostly in the name of a request for this claim, at times of another, or of none.
    function answer(uint256 who, uint256 which, uint256 how) external {
        if (requests.length == 0) return;
        bytes32 id = requests[which % requests.length];
        uint256 seed = how % 8 == 0 ? how % 20 : seedOf[id];
        IRequestEscrow.Request memory r = settlement.requestOf(id);
        if (how % 4 == 1) id = 0;
        address prover = people[who % 3];
        uint256 credit = settlement.creditOf(prover);
        bytes memory data = _calldata(verifier, _ids(seed, 4), id);
        vm.prank(prover);
        (bool ok,) = address(settlement).call(data);
        uint256 gained = settlement.creditOf(prover) - credit;
        if (!ok || id == 0) {
            assertEq(gained, 0, "nothing for nothing");
            if (ok) ++forestalled;
            return;
        }
        assertTrue(r.state == IRequestEscrow.State.Open && r.deadline >= block.timestamp, "was open");
        assertEq(gained, r.reward, "the reward");
        ++timesClosed[id];
        ++fulfilled;
    }

    function reclaim(uint256 which, uint256 who) external {
        if (requests.length == 0) return;
        bytes32 id = requests[which % requests.length];
        IRequestEscrow.Request memory r = settlement.requestOf(id);
        uint256 credit = settlement.creditOf(r.requester);
        vm.prank(people[who % 3]);
        try settlement.reclaim(id) {
            assertTrue(r.deadline < block.timestamp || settlement.isSettled(r.claimId), "was due");
            assertEq(settlement.creditOf(r.requester), credit + r.reward, "to the requester");
            ++timesClosed[id];
            ++returned;
        } catch {}
    }

    function withdraw(uint256 who, uint256 which) external {
        address payable person = people[who % 3];
        bytes32 wanted = requests.length == 0 ? bytes32(0) : requests[which % requests.length];
        bool open = _isOpen(wanted);
        greedy.want(wanted);
        uint256 credit = settlement.creditOf(person);
        uint256 before = person.balance;
        vm.prank(person);
        try settlement.withdraw(person) {
            assertEq(person.balance - before, credit, "the credit");
            paid += credit;
            ++withdrawn;
            if (open && !_isOpen(wanted)) ++timesClosed[wanted]; // reclaimed from within
        } catch {
            assertEq(credit, 0, "credits can be withdrawn");
        }
    }

    /// @dev The verifier in use is frozen in the middle of whatever is going on; another shape takes over.
    function freeze() external {
        settlement.freeze(address(verifier));
        verifier = _register(LENGTH + ++shapes, 1);
    }

    function forceIn(uint256 amount) external {
        amount %= 1 ether;
        forced += amount;
        vm.deal(address(settlement), address(settlement).balance + amount);
    }

    function pass(uint64 time) external {
        vm.warp(block.timestamp + time % 500);
    }

    function owed() external view returns (uint256 sum) {
        for (uint256 i = 0; i < people.length; ++i) {
            sum += settlement.creditOf(people[i]);
        }
        for (uint256 i = 0; i < requests.length; ++i) {
            if (_isOpen(requests[i])) sum += settlement.requestOf(requests[i]).reward;
        }
    }

    function held() external view returns (uint256) {
        return address(settlement).balance;
    }

    /// @dev Each request was closed as often as its state says.
    function closedOnce() external view returns (bool) {
        for (uint256 i = 0; i < requests.length; ++i) {
            if (timesClosed[requests[i]] != (_isOpen(requests[i]) ? 0 : 1)) return false;
        }
        return true;
    }

    function _isOpen(bytes32 id) private view returns (bool) {
        return settlement.requestOf(id).state == IRequestEscrow.State.Open;
    }
}

/// @notice Whatever is called in whatever order, the contract holds exactly what it owes.
contract MoneyInvariantTest is MockedSettlement {
    Money private money;

    function setUp() public override {
        money = new Money();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(money);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(money), new bytes4[](7));
        targets[0].selectors[0] = money.askFor.selector;
        targets[0].selectors[1] = money.answer.selector;
        targets[0].selectors[2] = money.reclaim.selector;
        targets[0].selectors[3] = money.withdraw.selector;
        targets[0].selectors[4] = money.pass.selector;
        targets[0].selectors[5] = money.freeze.selector;
        targets[0].selectors[6] = money.forceIn.selector;
    }

    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    function invariant_holdsWhatItOwes() external view {
        assertEq(money.held(), money.owed() + money.forced(), "held and owed");
        assertEq(
            money.deposited() + money.forced(), money.held() + money.paid(), "nothing appears or vanishes"
        );
        assertTrue(money.closedOnce(), "each request is closed once at most");
    }

    /// @dev The invariant is about something: what is called at random gets everywhere.
    function test_everythingHappens() external {
        for (uint256 i = 0; i < 400; ++i) {
            uint256 random = uint256(keccak256(abi.encode(i)));
            uint256 which = random >> 8;
            if (random % 5 == 0) money.askFor(which, which >> 8, which >> 16, uint64(which >> 64));
            else if (random % 5 == 1) money.answer(which, which >> 8, which >> 16);
            else if (random % 5 == 2) money.reclaim(which, which >> 8);
            else if (random % 5 == 3) money.withdraw(which, which >> 8);
            else if (which % 4 == 0) money.freeze();
            else if (which % 4 == 1) money.forceIn(which >> 8);
            else money.pass(uint64(which >> 8));
            this.invariant_holdsWhatItOwes();
        }
        assertTrue(money.asked() > 20 && money.fulfilled() > 5, "asked, fulfilled");
        assertTrue(money.forestalled() > 0 && money.returned() > 5, "forestalled, returned");
        assertTrue(money.withdrawn() > 10, "withdrawn");
    }
}
