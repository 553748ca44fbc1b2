"""What `zkllm explorer` writes: the page as it ships, and data that say what is so, and hold no secret."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Outcome, Run
from tests.settle.toy import ToyModel
from zkllm.cli import main
from zkllm.errors import SettlementError
from zkllm.explorer import HEADERS, Site, SiteModel, files_of, static_folder, write_site
from zkllm.explorer.pages import PAGE
from zkllm.explorer.public_urls import require_public
from zkllm.explorer.site import merged
from zkllm.hashing import keccak256
from zkllm.settle.accounts import development_account
from zkllm.settle.anvil import LocalNode
from zkllm.settle.networks import network
from zkllm.settle.rpc import checksum_address
from zkllm.settle.session import Session

ADDRESS = bytes([0x5E] * 20)


@pytest.fixture(scope="module")
def toy() -> ToyModel:
    return ToyModel()


@pytest.fixture(scope="module")
def node() -> Iterator[LocalNode]:
    with LocalNode() as running:
        yield running


@pytest.fixture(scope="module")
def home(node: LocalNode, toy: ToyModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Records of a deployment, which is not in the chain's first block."""
    folder = tmp_path_factory.mktemp("home")
    session = Session(node.rpc, network("anvil"), development_account(0), folder)
    node.rpc.request("anvil_mine", "0x5")
    session.ensure_deployed(toy.verifying_key)
    return folder


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: object) -> Outcome:
        capsys.readouterr()
        code = main([str(a) for a in arguments])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return call


def data_of(script: bytes, function: str) -> list[Any]:
    """Arguments of the one call that a file of data is."""
    found = re.fullmatch(rf"zkllmExplorer\.{function}\((.*)\);\n", script.decode("ascii"))
    assert found is not None
    values = json.loads(f"[{found[1]}]")
    assert isinstance(values, list)
    return values


def unpacked(base64_text: str) -> list[bytes]:
    data, tokens = base64.b64decode(base64_text), []
    while data:
        length = shift = 0
        while True:
            byte, data = data[0], data[1:]
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        tokens.append(data[:length])
        data = data[length:]
    return tokens


# ---- files


def test_the_page_is_the_package_s_and_the_data_are_the_models(toy: ToyModel, tmp_path: Path) -> None:
    key = toy.verifying_key
    model = SiteModel("a \u202e</script> toy", key.model_id, toy.tokens, (key,))
    written = write_site(tmp_path / "site", Site(network("anvil"), ADDRESS, None, 7, (model,)))
    for name, content in written.items():
        assert (tmp_path / "site" / name).read_bytes() == content
    for name in PAGE:
        assert written[name] == (static_folder() / name).read_bytes()
    vocabulary = f"data/{key.vocabulary_root.hex()}.js"
    assert set(written) == {*PAGE, "data/site.js", vocabulary}
    file, packed = data_of(written[vocabulary], "vocabulary")
    assert file == vocabulary and unpacked(packed) == toy.tokens
    (site,) = data_of(written["data/site.js"], "site")
    assert (site["contract"], site["rpc_url"], site["first_block"]) == ("0x" + ADDRESS.hex(), None, 7)
    assert site["network"] == {"name": "anvil", "chain_id": 31337, "explorer": None, "confirmations": 1}
    (said,) = site["models"]
    assert (said["name"], said["vocabulary_size"]) == (model.name, len(toy.tokens))
    assert said["verifiers"][0]["key"] == json.loads(key.to_json())


def test_tokens_of_another_model_are_refused(toy: ToyModel) -> None:
    key = toy.verifying_key
    for tokens in (toy.tokens[:-1], [*toy.tokens[:-1], b"other"]):
        model = SiteModel("toy", key.model_id, tokens, (key,))
        with pytest.raises(SettlementError, match="not the one that its verifying keys commit to"):
            files_of(Site(network("anvil"), ADDRESS, None, 0, (model,)))


def test_a_model_that_is_given_twice_is_one(toy: ToyModel) -> None:
    key = toy.verifying_key
    bare, whole = (SiteModel(n, key.model_id, t, (key,)) for n, t in (("vk", None), ("toy", toy.tokens)))
    for models in ((bare, whole), (whole, bare)):
        assert merged(models) == (whole,)
    with pytest.raises(ValueError):
        SiteModel("toy", bytes(32), None, (key,))


def test_the_page_lets_no_foreign_code_in() -> None:
    page = (static_folder() / "index.html").read_text()
    (policy,) = re.findall(r'content="(default-src [^"]*)"', page)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'" and rules["script-src"] == rules["style-src"] == "'self'"
    assert rules["require-trusted-types-for"] == "'script'" and "unsafe" not in policy
    assert not re.search(r"<script(?![^>]* src=)|<style| on\w+=| style=|javascript:", page)
    assert HEADERS["X-Content-Type-Options"] == "nosniff"


# ---- nodes that may be published

SECRET = "Xk29fj3bQ81mZ7dh"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8545",
        "http://[::1]:8545/",
        "https://ethereum-sepolia-rpc.publicnode.com",
        "https://1rpc.io/eth",
        "https://rpc.ankr.com/eth_sepolia",
        "https://gateway.tenderly.co/public/sepolia",
        "https://eth.example/v1/mainnet",
    ],
)
def test_public_nodes_are_published(url: str) -> None:
    assert require_public(url, "--rpc") == url


@pytest.mark.parametrize(
    "url",
    [
        f"https://eth-mainnet.g.alchemy.com/v2/{SECRET}",
        f"https://mainnet.infura.io/v3/{'0123456789abcdef' * 2}",
        f"https://user:{SECRET}@node.example/",
        f"https://{SECRET}@node.example/",
        f"https://lb.drpc.org/ogrpc?network=sepolia&dkey={SECRET}",
        f"https://node.example/#{SECRET}",
        "https://xyz.quiknode.pro/6a1b2c3d4e5f6a1b2c3d4e5f6a1b2c3d4e5f6a1b/",
        "https://node.example/abcdefghijklmnopqrstuvwxyz",
        "https://node.example/de305d54-75b4-431b-adb2-eb6b9e546014",
    ],
)
def test_nodes_with_keys_are_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(SettlementError, match="access key") as refused:
        require_public(url, "--rpc")
    assert url.rstrip("/").rpartition("/")[2] not in str(refused.value) and SECRET not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    ["", "node.example", "ftp://node.example", "https://", "https://a b/", "http://a,http://b", "http://[a"],
)
def test_what_is_no_url_of_one_node_is_refused(url: str) -> None:
    with pytest.raises(SettlementError, match="give the URL of one node"):
        require_public(url, "--rpc")


# ---- the command


def test_the_command_writes_a_page_of_the_recorded_contract(
    run: Run, node: LocalNode, home: Path, toy: ToyModel, tmp_path: Path
) -> None:
    key = toy.verifying_key
    (tmp_path / "vk.json").write_text(key.to_json())
    out = tmp_path / "site"
    arguments = ("--network", "anvil", "--rpc", node.url, "--home", home, "--model", tmp_path / "vk.json")
    outcome = run("explorer", "--out", out, *arguments, "--json")
    assert outcome.code == 0, outcome.err
    report = outcome.json
    (site,) = data_of((out / "data/site.js").read_bytes(), "site")
    assert (site["rpc_url"], site["models"][0]["vocabulary"]) == (node.url, None)
    assert checksum_address(bytes.fromhex(site["contract"][2:])) == report["contract"]
    # no event is older: the verifier and the contract are made in blocks of their own
    assert site["first_block"] == report["first_block"] == 7
    (deployment,) = Session(node.rpc, network("anvil"), development_account(0), home).deployments.all()
    code = node.rpc.code(deployment.verifier)
    assert site["models"][0]["verifiers"][0]["code_digest"] == "0x" + keccak256(code).hex()
    said = run("explorer", "--out", out, *arguments)
    assert "1 verifying key" in said.out and str(out / "index.html") in said.out

    alone = run("explorer", "--out", tmp_path / "other", "--rpc", node.url, "--contract", report["contract"])
    assert alone.code == 0 and (tmp_path / "other/data/site.js").is_file(), alone.err


def test_a_private_node_is_asked_and_not_written(
    run: Run, node: LocalNode, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZKLLM_ANVIL_RPC_URL", f"{node.url}/?key={SECRET}")
    outcome = run("explorer", "--out", tmp_path / "site", "--network", "anvil", "--home", home)
    assert outcome.code == 0, outcome.err
    (site,) = data_of((tmp_path / "site/data/site.js").read_bytes(), "site")
    assert site["rpc_url"] == network("anvil").rpc_url and site["first_block"] == 7
    for path in (tmp_path / "site").rglob("*.*"):
        assert SECRET.encode() not in path.read_bytes()
    assert SECRET not in outcome.out + outcome.err


def test_without_a_node_visitors_are_asked(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ZKLLM_SEPOLIA_RPC_URL", raising=False)
    address = checksum_address(ADDRESS)
    outcome = run("explorer", "--out", tmp_path / "site", "--network", "sepolia", "--contract", address)
    assert outcome.code == 0 and "was not looked at" in outcome.err and "visitors are asked" in outcome.out
    (site,) = data_of((tmp_path / "site/data/site.js").read_bytes(), "site")
    assert site["rpc_url"] is None and site["network"]["explorer"] == "https://sepolia.etherscan.io"


def test_what_cannot_be_right_is_one_line_and_nothing_is_written(
    run: Run, node: LocalNode, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, address = tmp_path / "site", checksum_address(ADDRESS)
    explorer = ("explorer", "--out", out)
    run(*explorer, "--rpc", f"{node.url}/{SECRET}", "--contract", address).failed_in_one_line("access key")
    run(*explorer, "--rpc", node.url, "--contract", address).failed_in_one_line("there is no contract")
    run(*explorer, "--network", "nowhere").failed_in_one_line("unknown network")
    run(*explorer, "--network", "sepolia", "--rpc", node.url, "--contract", address).failed_in_one_line(
        "chain 31337"
    )
    nobody = tmp_path / "nobody"
    nobody.mkdir()
    run(*explorer, "--network", "anvil", "--rpc", node.url, "--home", nobody).failed_in_one_line("--contract")
    run(*explorer, "--network", "anvil", "--rpc", "http://127.0.0.1:9", "--home", home).failed_in_one_line(
        "reach"
    )
    for wrong in ([], ["--rpc", node.url]):
        with pytest.raises(SystemExit) as usage:
            run(*explorer, *wrong)
        assert usage.value.code == 2
    assert not out.exists()
