"""What a transaction offers, and the rules of its network."""

from __future__ import annotations

from dataclasses import replace

import pytest

from zkllm.errors import SettlementError
from zkllm.settle.abi import selector
from zkllm.settle.fees import Call, Fees, data_fee, gas_limit
from zkllm.settle.networks import network, networks
from zkllm.settle.rpc import parse_address, to_hex
from zkllm.settle.submission import calldata_gas, transaction_floor
from zkllm.units import GWEI

SOMEBODY = bytes([7] * 20)


def sends(data: bytes, **changes) -> Call:
    return replace(Call("x", "send bytes", SOMEBODY, data), **changes)


def test_the_floor_of_eip_7623_is_the_node_s(session):
    """Bytes to an account without code pay the floor and nothing else."""
    data = bytes(100) + bytes([1] * 900)
    receipt, _ = session.execute(sends(data, intent="floor"))
    assert receipt.gas_used == transaction_floor(data) > 21_000 + calldata_gas(data)


def test_gas_limits_respect_the_network_s_rules(session):
    sender, rpc, chain = session.account.address, session.rpc, network("anvil")
    estimate = rpc.estimate_gas(sender, SOMEBODY, b"")
    assert gas_limit(rpc, chain, sender, sends(b"")) == estimate * 115 // 100
    data = bytes([1] * 1000)
    low = sends(data, gas=25_000)  # as before EIP-7623
    assert gas_limit(rpc, chain, sender, low) == transaction_floor(data)
    assert gas_limit(rpc, replace(chain, calldata_floor=False), sender, low) == 28_750
    near = sends(b"", gas=16_000_000)
    assert gas_limit(rpc, chain, sender, near) == 1 << 24
    assert gas_limit(rpc, replace(chain, transaction_gas_cap=None), sender, near) == 18_400_000
    with pytest.raises(SettlementError, match="takes 17,000,000 gas, anvil allows 16,777,216 a transaction"):
        gas_limit(rpc, chain, sender, sends(b"", gas=17_000_000))


def test_what_an_op_stack_chain_takes_beside_the_gas_is_asked_for(session):
    chain = network("base")
    oracle = parse_address(chain.data_fee_oracle)
    assert data_fee(session.rpc, network("anvil"), b"", 10**6) == 0
    argument, answer = "600435", "600052602060" + "00f3"
    session.rpc.request("anvil_setCode", to_hex(oracle), "0x" + argument + "600702" + answer)
    assert data_fee(session.rpc, chain, bytes(1000), 10**6) == 7 * (1200 + 10**6)  # 7 times both arguments
    # from before Isthmus: jumps over a revert where the selector is that of getL1FeeUpperBound
    known = "60003560e01c63" + selector("getL1FeeUpperBound(uint256)").hex() + "14601657600080fd5b"
    jump = len(bytes.fromhex(known)) - 1
    code = "0x" + known.replace("601657", f"60{jump:02x}57") + argument + "600702" + answer
    session.rpc.request("anvil_setCode", to_hex(oracle), code)
    assert data_fee(session.rpc, chain, bytes(1000), 10**6) == 7 * 1200


def test_offers_rise_by_what_nodes_want_and_stop_at_the_limit():
    chain = replace(network("anvil"), max_fee_gwei=10)
    last = Fees(4 * GWEI, GWEI)
    raised = Fees(3 * GWEI, GWEI).above(last, chain)
    assert raised.max_fee * 8 >= last.max_fee * 9 and raised.priority_fee * 8 >= last.priority_fee * 9
    assert Fees(9 * GWEI, 2 * GWEI).above(last, chain) == Fees(9 * GWEI, 2 * GWEI)
    assert Fees(1, 1).above(Fees(9 * GWEI, GWEI), chain) is None
    assert Fees(1, 1).above(Fees(1, 0), chain) == Fees(2, 1)


def test_the_packaged_networks_are_sound():
    found = networks()
    assert len({n.chain_id for n in found.values()}) == len(found) == 10
    for chain in found.values():
        assert chain.testnet == (chain.name.endswith("sepolia") or chain.name == "hoodi")
        assert chain.rpc_url is None or chain.local_node
        if not chain.local_node:
            assert chain.etherscan == "https://api.etherscan.io/v2/api" and chain.sourcify
            assert chain.rpc_url_env == f"ZKLLM_{chain.name.upper().replace('-', '_')}_RPC_URL"
            assert (chain.data_fee_oracle is not None) == chain.name.startswith(("base", "optimism"))
        assert chain.calldata_floor
        assert chain.transaction_gas_cap == (None if chain.name.startswith("arbitrum") else 1 << 24)
