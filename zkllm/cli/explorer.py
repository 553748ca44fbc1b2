"""Writes the explorer of settled claims: a web page of static files, which any host, or a folder on a
disk, serves. It reads claims from a node, shows prompts and answers as text, and verifies proofs in the
browser. Models that are named here bring their vocabularies, their verifying keys and the digests of their
verifiers' code.

Everybody can read the page's files: the URL of --rpc is one of them, so one with an access key is refused.
That of the network's environment variable is only used to look at the contract now, and is not written."""

from __future__ import annotations

import argparse

from zkllm.cli import arguments as types
from zkllm.cli import paths
from zkllm.cli.console import Console

SUMMARY = "write the web page that shows settled claims, and verifies them"
EXAMPLES = """
{program} --out site --network sepolia --contract 0x... --model build/demo build/xl
{program} --out site --rpc https://ethereum-sepolia-rpc.publicnode.com --contract 0x...
{program} --out site --network anvil --model build/demo    # the contract of this user's records
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out", type=paths.TargetFolder, required=True, metavar="DIR", help="where the page goes"
    )
    parser.add_argument(
        "--network", metavar="NAME", help="anvil, sepolia, mainnet .., or one of $ZKLLM_NETWORKS"
    )
    parser.add_argument(
        "--rpc",
        metavar="URL",
        help="node that the page asks, written into its files (default: the network's, if it has a public "
        "one; else visitors are asked)",
    )
    parser.add_argument(
        "--contract",
        type=types.checked_address,
        metavar="ADDRESS",
        help="settlement contract (default: the one of the records)",
    )
    parser.add_argument(
        "--model",
        type=paths.ModelOrFile,
        nargs="+",
        action="extend",
        default=[],
        metavar="DIR",
        help="model packages, or verifying keys (vk.json) alone",
    )
    parser.add_argument(
        "--home", type=paths.SourceFolder, metavar="DIR", help="records of deployments (default: .zkllm)"
    )


def misuse(arguments: argparse.Namespace) -> str | None:
    if arguments.network is None and arguments.rpc is None:
        return "give --network NAME or --rpc URL"
    if arguments.network is None and arguments.contract is None:
        return "--rpc URL alone needs --contract ADDRESS"
    return None


def run(arguments: argparse.Namespace, console: Console) -> int:
    import hashlib

    from zkllm.explorer import Site, model_at, write_site
    from zkllm.explorer.discovery import first_block_of, network_of, open_node, recorded_contract
    from zkllm.explorer.public_urls import require_public
    from zkllm.explorer.site import merged
    from zkllm.settle import network as network_named
    from zkllm.settle.http import hosts_in
    from zkllm.settle.rpc import checksum_address
    from zkllm.settle.session import default_home, naming_nodes

    named = None if arguments.network is None else network_named(arguments.network)
    published = arguments.rpc or (named.rpc_url if named is not None else None)
    if published is not None:
        published = require_public(
            published, "--rpc" if arguments.rpc else f"the rpc_url of {arguments.network}"
        )
    asked = arguments.rpc or (named.url() if named is not None else None)
    rpc = None if asked is None else open_node(asked, None if named is None else named.chain_id)
    whose = (
        f"that is {hosts_in(asked or '')}, as --rpc says"
        if named is None or arguments.rpc
        else named.whose_nodes()
    )
    if named is None:
        assert rpc is not None
        with naming_nodes(whose):
            named = network_of(rpc)
    models = merged(model_at(path, console.progress) for path in arguments.model)
    contract = arguments.contract
    if contract is None:
        contract = recorded_contract(arguments.home or default_home(), named, models)
    if rpc is None:
        console.note(f"${named.rpc_url_env} names no node: the contract was not looked at")
    with naming_nodes(whose):
        first_block = 0 if rpc is None else first_block_of(rpc, named, contract)
    written = write_site(
        arguments.out, Site(named, contract, published, first_block, models), console.progress
    )
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(written.items())}
    lines = [
        f"{arguments.out / 'index.html'}: claims of {checksum_address(contract)} on {named.name}",
        *(f"  {model.name}: {_said(model.tokens)}, {len(model.keys)} verifying keys" for model in models),
        f"  {len(written)} files, {sum(map(len, written.values())):,} bytes; "
        + ("visitors are asked for a node" if published is None else f"node: {published}"),
    ]
    data = {
        "ok": True,
        "folder": str(arguments.out),
        "network": named.name,
        "chain_id": named.chain_id,
        "contract": checksum_address(contract),
        "rpc_url": published,
        "first_block": first_block,
        "models": [
            {"model_id": m.model_id, "name": m.name, "verifier_ids": [key.verifier_id for key in m.keys]}
            for m in models
        ],
        "sha256": digests,
    }
    console.result(data, lines)
    return 0


def _said(tokens: object) -> str:
    return "no vocabulary, so ids are shown" if tokens is None else "with its vocabulary"
