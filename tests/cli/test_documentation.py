"""The commands of docs/settlement.md, run as they stand there: on an Anvil that says it is Sepolia, with
local verification services, a keystore and its password file."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from testkit.services import KEY, FakeEtherscan, FakeSourcify
from zkllm.settle import services
from zkllm.settle.anvil import LocalNode
from zkllm.settle.create2 import PROXY, PROXY_CODE
from zkllm.settle.rpc import Rpc

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SEPOLIA = 11155111
SECRET = "0x" + "42" * 32


@pytest.fixture
def sepolia() -> Iterator[Rpc]:
    with LocalNode(chain_id=SEPOLIA) as node:
        node.rpc.request("anvil_setCode", "0x" + PROXY.hex(), "0x" + PROXY_CODE.hex())
        yield node.rpc


def commands() -> list[str]:
    """The first shell block of the document, without its comments."""
    text = (ROOT / "docs" / "settlement.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"## On Sepolia.*?```sh\n(.*?)```", text, re.DOTALL)
    lines = [re.sub(r" +#.*", "", line).strip() for line in block.splitlines()]
    return [line for line in lines if line]


@pytest.mark.long
def test_the_way_on_sepolia(run, package, sepolia, tmp_path, monkeypatch):
    from eth_account import Account

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(services, "POLL_SECONDS", 0.01)
    servers = FakeEtherscan(sepolia, SEPOLIA), FakeSourcify(sepolia, SEPOLIA)
    local = {"etherscan": servers[0].url + "/v2/api", "sourcify": servers[1].url, "confirmations": 1}
    (tmp_path / "networks.json").write_text(json.dumps({"sepolia": local}))
    monkeypatch.setenv("ZKLLM_NETWORKS", str(tmp_path / "networks.json"))
    monkeypatch.setenv("ETHERSCAN_API_KEY", KEY)
    account = Account.from_key(SECRET).address
    sepolia.request("anvil_setBalance", account, hex(10**18))
    Path("key.json").write_text(json.dumps(Account.encrypt(SECRET, "sesame", kdf="pbkdf2", iterations=10)))
    Path("password").write_text("sesame\n")
    Path("build").mkdir()
    Path("build/demo").symlink_to(package)

    variables: dict[str, str] = {}
    known: dict[str, str] = {}  # what "0x..." stands for
    done = []
    for line in commands():
        for name, value in variables.items():
            line = line.replace(f"${name}", value)
        words = shlex.split(line)
        if words[0] == "export":
            assert words[1].startswith("ZKLLM_SEPOLIA_RPC_URL=")
            monkeypatch.setenv("ZKLLM_SEPOLIA_RPC_URL", f"http://127.0.0.1:9/secret,{sepolia.url}")
        elif words[0] == "chmod":
            for name in words[2:]:
                Path(name).chmod(int(words[1], 8))
        elif re.fullmatch(r"[A-Z]+=.*", words[0]):
            name, _, value = words[0].partition("=")
            variables[name] = value
        else:
            assert words[:3] == ["python", "-m", "zkllm.settle"], line
            arguments = words[3:]
            command = arguments[0] if not arguments[0].startswith("-") else ""
            for option, value in (
                ("--request", "request_id"),
                ("show", "claim_id"),
                ("--contract", "settlement"),
            ):
                if option in arguments:
                    place = arguments.index(option) + 1
                    assert arguments[place] in ("0x...", "0x...")
                    arguments[place] = known[value]
            if "--prompt" in arguments:  # the tests' model knows few words
                place = arguments.index("--prompt")
                arguments[place : place + 2] = ["--tokens", "72,101,108"]
            outcome = run("settle", *arguments, "--json", "--quiet")
            assert outcome.code == 0, (line, outcome)
            assert "secret" not in outcome.out + outcome.err
            known |= {k: v for k, v in outcome.json.items() if isinstance(v, str) and v.startswith("0x")}
            done.append(command)
    assert done == [
        *("doctor", "deploy", "deploy", "verify-source", "request", "", "status", "show", "withdraw"),
    ]
    for server in servers:
        server.close()
