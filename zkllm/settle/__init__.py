"""Settling proofs on Ethereum: networks, keys, deployments, transactions. `python -m zkllm.settle --help`.

with open_session(network("anvil"), KeySource()) as session:
    deployment = session.ensure_deployed(verifying_key)
    context = session.context(deployment.settlement)      # what the proof must be made for
    settled = session.settle(proof, verifying_key, tokens)
"""

from zkllm.settle.accounts import KeySource
from zkllm.settle.networks import Network, network, networks
from zkllm.settle.session import Session, Settled, default_home, open_session
from zkllm.settle.submission import Submission, settle_calldata, verify_calldata

__all__ = [
    "KeySource",
    "Network",
    "Session",
    "Settled",
    "Submission",
    "default_home",
    "network",
    "networks",
    "open_session",
    "settle_calldata",
    "verify_calldata",
]
