"""The whole way of a settlement with the real command line, on two local chains, one forked from the other:
deploy, publish the sources, ask with a reward, prove, submit, be killed, resume, survive a reorganisation,
read the claim from a contract; and everything that must be refused. Prints a line for each step, with what
was checked; ends at the first that goes wrong, with exit code 1. Nodes and verification services are local:
nothing leaves this machine."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from scripts import ROOT
from scripts.settlement.scene import Outcome, Scene, Wrong, address, check, named, reverts, wait_for
from testkit.checkpoints import write_checkpoint
from testkit.vault import Terms, deploy_vault, send
from zkllm import api
from zkllm.cli.models import verifying_key
from zkllm.errors import ZkllmError
from zkllm.proof import Proof
from zkllm.settle.abi import REGISTER, encode_call
from zkllm.settle.claims import is_settled
from zkllm.settle.contracts import verifier_artifact
from zkllm.settle.create2 import PROXY, create2_address, create2_calldata
from zkllm.settle.journal import Record
from zkllm.settle.networks import DEV_CHAIN_ID
from zkllm.settle.rpc import Receipt, to_hex
from zkllm.settle.settlement import settlement_address, settlement_init_code
from zkllm.settle.submission import settle_calldata
from zkllm.statement import pack_words, unpack_words

PROMPT = "Any sufficiently advanced technology is indistinguishable from"
ANSWER, OTHER_ANSWER = b" magic", b" science"
LATE_PROMPT = "Practice makes"
SEVERAL_PROMPTS = ("Knowledge is", "Time is", "Better late than")
ETHER = 10**18
REWARD, LATE_REWARD = ETHER // 2, ETHER // 4
RECEIVER, OTHER_RECEIVER = bytes([0xAB] * 20), bytes([0xCD] * 20)
OPEN = "open(address)"
THIEF_TIP = 50 * 10**9


class Way:
    """The steps in their order; each returns what it has checked, in words."""

    def __init__(self, scene: Scene):
        self.scene = scene
        self.model = scene.work / "demo"
        self.network, self.chain = "origin", scene.origin  # later the fork
        self.steps: list[Callable[[], str]] = [
            self.set_up,
            self.deploy,
            self.verify_source,
            self.refuse_an_unregistered_model,
            self.request,
            self.be_killed,
            self.copy_from_the_mempool,
            self.resume_through_a_reorganisation,
            self.replay,
            self.fork_the_chain,
            self.read_from_a_contract,
            self.withdraw,
            self.expire,
            self.wrong_token,
            self.settle_several,
            self.main_network,
        ]

    # ---- before the claim
    def set_up(self) -> str:
        report = self.scene.zkllm(
            "setup", ROOT / "models" / "demo-gpt2", "--out", self.model, "--json"
        ).json()
        self.package = api.open_package(self.model)
        check(report["model_id"] == "0x" + api.open_setup(self.package).model_id.hex(), "another model id")
        return "the demo model is set up, with the development SRS"

    def deploy(self) -> str:
        scene, chain = self.scene, self.scene.origin
        model = ("--model", self.model)
        left = scene.settle("owner", "origin", "status", *model).json()["left_to_do"]
        check(len(left) == 3, f"left to do on an empty chain: {left}")
        planned = scene.settle("owner", "origin", "deploy", *model, "--dry-run").json()["transactions"]
        check(len(planned) == 3 and chain.nonce(address("owner")) == 0, "the dry run sent something")
        deployed = scene.settle("owner", "origin", "deploy", *model).json()
        check(deployed["registered"] and chain.nonce(address("owner")) == 3, "not three transactions")
        self.contract = bytes.fromhex(deployed["settlement"][2:])
        scene.settle("owner", "origin", "deploy", *model).json()
        check(chain.nonce(address("owner")) == 3, "it was deployed twice")
        gas = sum(deployed["gas"].values())
        return f"verifier and settlement contract deployed, registered ({gas:,} gas); not a second time"

    def verify_source(self) -> str:
        scene = self.scene
        published = scene.settle("owner", "origin", "verify-source", "--model", self.model).json()
        found = [(v["service"], v["contract"], v["already"]) for v in published["verifications"]]
        check(len(found) == 4 and not any(already for *_, already in found), f"not published anew: {found}")
        for service in (scene.etherscan, scene.sourcify):
            check(len(service.verified) == 2, "a service did not compile the code that is on chain")
        again = scene.settle("owner", "origin", "verify-source", "--model", self.model).json()
        check(all(v["already"] for v in again["verifications"]), "what is published was sent again")
        return "both services compiled the sources to the code on chain (Etherscan's API V2, Sourcify's v2)"

    def refuse_an_unregistered_model(self) -> str:
        scene, other = self.scene, self.scene.work / "other"
        scene.zkllm("setup", write_checkpoint(scene.work / "odd"), "--out", other, "--max-tokens", "8")
        tokens = ("--tokens", "72,101,108")
        asked = self.by("asker", "request", "--model", other, *tokens)
        asked.refused("is not registered with this settlement contract")
        proof = self.prove(other, *tokens)
        submitted = self.by("prover", "submit", "--model", other, "--proof", proof)
        submitted.refused("is not registered")
        self.refused_on_chain(self.calldata(other, proof), "UnknownVerifier(address)")
        return "an unregistered model: request and proof are refused by the client, the proof by the chain"

    # ---- the claim
    def request(self) -> str:
        chain = self.chain
        terms = Terms(
            self.contract,
            api.open_setup(self.package).model_id,
            tuple(self.package.tokenizer.encode(PROMPT)),
            1,
            ANSWER,
            address("beneficiary"),
            chain.timestamp() + 10**7,
        )
        self.vault = deploy_vault(chain, address("depositor"), terms, ETHER)
        self.other_vault = deploy_vault(chain, address("depositor"), terms._replace(text=OTHER_ANSWER), ETHER)
        self.refused_by(self.vault, "beneficiary", "NotAnswered(bytes32)")

        prompt = ("--model", self.model, "--prompt", PROMPT)
        command = ("request", *prompt, "--reward", "0.5", "--deadline", "7d")
        asked = self.by("asker", *command).json()
        self.request_id, self.claim_id = asked["request_id"], asked["claim_id"]
        check(asked["state"] == "OPEN" and chain.balance(self.contract) == REWARD, "the reward is not held")
        self.by("asker", *command).refused("was posted already")
        check(chain.balance(self.contract) == REWARD, "a request was paid for twice")
        return "0.5 ether offered for the answer, once; a contract that waits for it does not open yet"

    def settling(self) -> tuple[str, str, str, *tuple[object, ...]]:
        model = ("--model", self.model, "--prompt", PROMPT)
        contract = ("--contract", named(self.contract))
        return ("prover", "deep", "", *model, "--request", self.request_id, *contract)

    def be_killed(self) -> str:
        """While the transaction is in the pool, not mined."""
        scene, chain = self.scene, self.chain
        self.nonce = chain.nonce(address("prover"))
        chain.request("evm_setAutomine", False)
        process = scene.start(*self.settling())
        state = lambda: (r := scene.record("prover", "settle-")) and r.state == "sent" and r
        self.first = wait_for(state, "the transaction is sent", process)
        process.kill()
        process.wait()
        check(process.returncode == -signal.SIGKILL, "the client was not killed")
        check(chain.knows(self.first.transaction_hash), "the node does not have the transaction")
        status = self.by("prover", "status", "--model", self.model).json()
        check([r["state"] for r in status["unfinished"]] == ["sent"], "the journal has no unfinished record")
        (self.kept,) = (scene.home("prover") / "proofs").iterdir()
        self.proved_at = self.kept.stat().st_mtime_ns
        return "proved, verified, simulated, sent; killed (kill -9) before it was mined: its record is there"

    def copy_from_the_mempool(self) -> str:
        """What anybody can see there, sent with a higher fee, and so mined first."""
        chain = self.chain
        shown = chain.request("eth_getTransactionByHash", to_hex(self.first.transaction_hash))
        self.calldata_sent = bytes.fromhex(shown["input"][2:])
        copy = {
            "from": to_hex(address("thief")),
            "to": to_hex(self.contract),
            "data": shown["input"],
            "gas": hex(1_000_000),
            "maxFeePerGas": hex(4 * THIEF_TIP),
            "maxPriorityFeePerGas": hex(THIEF_TIP),
        }
        self.copy_hash = bytes.fromhex(chain.request("eth_sendTransaction", copy)[2:])
        self.refused_on_chain(self.calldata_sent, "InverseMismatch()", "thief")
        submitted = self.by("thief", "submit", "--model", self.model, "--proof", self.kept)
        submitted.refused("was made for the sender")
        return "another sender's copy of the transaction: refused, the proof is bound to its sender"

    def resume_through_a_reorganisation(self) -> str:
        scene, chain = self.scene, self.chain
        process = scene.start(*self.settling())
        attempts = lambda: len(self.record().attempts)
        wait_for(
            lambda: attempts() > len(self.first.attempts), "the client watches, and offers more", process
        )

        chain.request("evm_mine")
        copied = chain.receipt(self.copy_hash)
        mined = self.mined()
        if copied is None or copied.succeeded:
            raise Wrong("the copy was not mined as a failure")
        if mined is None or not mined.succeeded or mined.block_hash != copied.block_hash:
            raise Wrong("not mined beside the copy")
        order = [
            chain.request("eth_getTransactionReceipt", to_hex(h))
            for h in (self.copy_hash, mined.transaction_hash)
        ]
        places = [int(receipt["transactionIndex"], 16) for receipt in order]
        check(places == [0, 1], "the copy was not the first of the block")
        check(process.poll() is None, "the client did not wait for a second block")

        chain.request("anvil_reorg", 1, [])
        check(self.mined() is None, "the block with the settlement is still there")
        check(not self.is_settled(), "the claim survived the block it was in")
        wait_for(lambda: any(map(chain.knows, self.hashes())), "it is sent again", process)
        chain.request("anvil_mine", "0x2")
        settled = scene.outcome(process).json()
        chain.request("evm_setAutomine", True)
        final = self.mined()
        check(final and final.block_hash == chain.block_hash(final.block_number), "not of the chain")
        check(
            settled["resumed"] and settled["text_utf8"].encode() == ANSWER, "it did not take up the first run"
        )
        check(self.kept.stat().st_mtime_ns == self.proved_at, "it proved again")
        check(chain.nonce(address("prover")) == self.nonce + 1, "it was paid for twice")
        check(settled["reward"] == REWARD and settled["claim_id"] == self.claim_id, "not the reward or claim")
        self.gas = settled["gas_used"]
        return (
            f"the same command went on: a higher offer, mined after the copy, which failed, dropped by a "
            f"reorganisation, sent again, settled once ({self.gas:,} gas)"
        )

    def replay(self) -> str:
        scene, chain = self.scene, self.chain
        nonce = chain.nonce(address("prover"))
        scene.settle(*self.settling()).refused("settled already")
        again = self.by("prover", "submit", "--model", self.model, "--proof", self.kept)
        again.refused("settled already")
        check(chain.nonce(address("prover")) == nonce, "a replay was sent")
        self.refused_on_chain(self.calldata_sent, "AlreadySettled(bytes32)")
        return "a replay is refused by the client and by the chain"

    # ---- on the fork
    def fork_the_chain(self) -> str:
        scene, settler = self.scene, address("prover")
        scene.start_fork()
        self.network, self.chain = "fork", scene.fork
        there = scene.settle("owner", "fork", "deploy", "--model", self.model).json()
        check(there["settlement"] == named(self.contract) and there["gas"] == {}, "it was deployed again")
        check(self.chain.nonce(address("owner")) == 3, "something was paid for on the fork")
        doctor = self.by("prover", "doctor", "--model", self.model).json()
        wrong = [f for f in doctor["findings"] if f["level"] == "wrong"]
        code = [f for f in doctor["findings"] if "the generated ZkLLMVerifier" in f["text"]]
        check(not wrong and len(code) == 1, f"the doctor's findings: {wrong}")
        shown = self.by("asker", "show", self.claim_id).json()["claims"]
        check([c["settler"] for c in shown] == [named(settler)], f"the claim as shown: {shown}")
        self.before = self.scene.origin.quantity("eth_blockNumber")
        return "a fork has contracts and claim: nothing is paid again, the doctor finds the generated code"

    def read_from_a_contract(self) -> str:
        chain = self.chain
        self.refused_by(self.vault, "depositor", "NotEntitled(address)")
        self.refused_by(self.other_vault, "beneficiary", "NotEntitled(address)")
        for vault, entitled in ((self.vault, "beneficiary"), (self.other_vault, "depositor")):
            data = to_hex(encode_call(OPEN, OTHER_RECEIVER))
            opening = {"from": to_hex(address(entitled)), "to": to_hex(vault), "data": data}
            check(send(chain, opening).succeeded, f"the {entitled} does not get the ether")
            self.refused_by(vault, entitled, "Empty()")
        check(chain.balance(OTHER_RECEIVER) == 2 * ETHER, "not what the vaults held")
        return (
            "a contract pays on the answer, one that waits for another answer pays back, each the right one"
        )

    def withdraw(self) -> str:
        chain = self.chain
        command = ("withdraw", "--to", named(RECEIVER))
        self.by("thief", *command).refused("has no credit to withdraw")
        self.by("prover", *command).json()
        check(chain.balance(RECEIVER) == REWARD and chain.balance(self.contract) == 0, "not the reward")
        self.by("prover", *command).refused("has no credit to withdraw")
        check(self.scene.origin.quantity("eth_blockNumber") == self.before, "the forked chain changed")
        return "the prover takes the reward, once; nobody else does"

    # ---- what is refused
    def expire(self) -> str:
        chain = self.chain
        command = ("request", "--model", self.model, "--prompt", LATE_PROMPT)
        asked = self.by("asker", *command, "--reward", "0.25", "--deadline", "10m").json()
        late = asked["request_id"]
        self.by("asker", "reclaim", late).refused("is still open")
        chain.request("evm_increaseTime", 700)
        chain.request("evm_mine")
        prompt = ("--model", self.model, "--prompt", LATE_PROMPT)
        settling = self.by("prover", "", *prompt, "--request", late)
        settling.refused("the deadline of the request")
        self.late_proof = self.prove(self.model, "--prompt", LATE_PROMPT, request=late)
        self.late_calldata = self.calldata(self.model, self.late_proof)
        self.refused_on_chain(self.late_calldata, "RequestExpired(bytes32)")
        self.by("thief", "reclaim", late).json()  # for the asker
        self.by("asker", "withdraw", "--to", named(RECEIVER)).json()
        check(chain.balance(RECEIVER) == REWARD + LATE_REWARD, "the reward did not go back")
        return "an expired request is refused before proving, and by the chain; its reward goes back"

    def wrong_token(self) -> str:
        scene = self.scene
        proof, tokens = Proof.load(self.late_proof), self.package.tokenizer.token_bytes
        key = verifying_key(self.model, proof)
        T, ids = unpack_words(proof.words, proof.N)
        answer = ids[T]
        other = next(i for i, t in enumerate(tokens) if len(t) == len(tokens[answer]) and i != answer)
        text = tokens[answer].ljust(32, b"\0"), tokens[other].ljust(32, b"\0")
        check(self.late_calldata.count(text[0]) == 1, "the answer's text is not in the calldata once")
        data = self.late_calldata.replace(*text)
        self.refused_on_chain(data, "InvalidVocabularyProof()")

        # another id, with its own text and its own path: the proof does not show it
        ids[T] = other
        forged = replace(proof, words=tuple(pack_words(T, ids, proof.N)))
        path = scene.work / "forged.zkllm"
        forged.save(path)
        submitted = self.by("prover", "submit", "--model", self.model, "--proof", path)
        submitted.refused("inverse: it is not that of the product of the denominators")
        verifier = create2_address(verifier_artifact(key).creation)
        self.refused_on_chain(settle_calldata(forged, key, tokens, verifier).calldata, "InverseMismatch()")
        return "a wrong token: another text is refused by the vocabulary's root, another id by the proof"

    def settle_several(self) -> str:
        """Three answers with one transaction, one of them settled by then; killed meanwhile, and resumed."""
        scene, chain, model = self.scene, self.chain, ("--model", self.model)
        proofs = [
            self.prove(self.model, "--prompt", prompt, name=f"several-{i}")
            for i, prompt in enumerate(SEVERAL_PROMPTS)
        ]
        alone = self.by("prover", "submit", *model, proofs[1]).json()
        nonce = chain.nonce(address("prover"))
        planned = self.by("prover", "submit", *model, *proofs, "--dry-run").json()
        check([c["passed_over"] for c in planned["claims"]] == [False, True, False], "not one left out")
        check(
            len(planned["transactions"]) == 1 and chain.nonce(address("prover")) == nonce, "not one planned"
        )

        chain.request("evm_setAutomine", False)
        contract = ("--contract", named(self.contract))
        process = scene.start("prover", self.network, "submit", *model, *proofs, *contract)
        state = lambda: (r := scene.record("prover", "settle-many-")) and r.state == "sent" and r
        sent: Record = wait_for(state, "the batch is sent", process)
        process.kill()
        process.wait()
        (unfinished,) = self.by("prover", "status", *model).json()["unfinished"]
        check(
            [c["settled"] for c in unfinished["claims"]] == [False, False], "status does not show each claim"
        )
        self.refused_on_chain(sent.data, "InverseMismatch()", "thief")
        body = Proof.load(proofs[2]).body
        w_prime = body[-96:-32]  # the last point, before the inverse: nothing but the pairing depends on it
        check(sent.data.count(w_prime) == 1, "W' is not in the calldata once")
        other = (1).to_bytes(32, "big") + (2).to_bytes(32, "big")
        self.refused_on_chain(sent.data.replace(w_prime, other), "PairingFailed()")

        chain.request("evm_setAutomine", True)
        chain.request("evm_mine")
        settled = self.by("prover", "submit", *model, *proofs).json()
        check(settled["resumed"] and chain.nonce(address("prover")) == nonce + 1, "it was paid for twice")
        check([c["passed_over"] for c in settled["claims"]] == [False, True, False], "not the two")
        check(settled["gas_used"] < 2 * alone["gas_used"] - 100_000, "no cheaper than alone")
        again = self.by("prover", "submit", *model, *proofs)
        again.refused("all claims of the batch are settled already")
        return (
            f"two answers with one transaction ({settled['gas_used']:,} gas, {alone['gas_used']:,} for one "
            "alone), a third, settled before, left out; killed, resumed; a copy, and a false proof, refused"
        )

    def main_network(self) -> str:
        """On chain id 1, the development SRS is refused by the client, the doctor, the constructor, the
        registry."""
        scene, owner = self.scene, address("owner")
        scene.start_mainnet()
        chain, model = scene.mainnet, ("--model", self.model)
        for command in ("deploy", "status", ""):
            prompt = () if command == "deploy" else ("--prompt", PROMPT)
            outcome = scene.settle("owner", "mainnet", command, *model, *prompt)
            outcome.refused("was set up with the development SRS, whose secret is public")
        doctor = scene.settle("owner", "mainnet", "doctor", *model)
        check(doctor.code == 1, f"the doctor is content on chain 1: {doctor.lines}")
        wrong = [f["about"] for f in json.loads(doctor.out)["findings"] if f["level"] == "wrong"]
        check(wrong == ["SRS"], f"what the doctor finds wrong on chain 1: {wrong}")
        check(chain.nonce(owner) == 0, "the client sent something to chain 1")

        key = verifying_key(self.model, Proof.load(self.late_proof))
        artifact, refusal = verifier_artifact(key), "DevelopmentSrsOnMainnet()"
        reverts(chain, owner, None, artifact.creation, refusal)
        creation = {"from": to_hex(owner), "gas": hex(12_000_000), "data": to_hex(artifact.creation)}
        created = send(chain, creation)
        if created.succeeded or created.contract_address is None:
            raise Wrong("it was created on chain 1")
        check(not chain.code(created.contract_address), "it has code on chain 1")

        verifier = create2_address(artifact.creation)
        chain.request("anvil_setCode", to_hex(verifier), to_hex(artifact.code_with({})))
        proxy = {"from": to_hex(owner), "gas": hex(12_000_000), "to": to_hex(PROXY)}
        check(
            send(chain, proxy | {"data": to_hex(create2_calldata(settlement_init_code(owner)))}).succeeded,
            "no settlement contract on chain 1",
        )
        registry = settlement_address(owner)
        reverts(chain, owner, registry, encode_call(REGISTER, verifier), refusal)
        return "a development SRS on chain id 1: refused by client, doctor, constructor and registry"

    # ---- what the steps share
    def by(self, person: str, command: str, *arguments: object) -> Outcome:
        """A command on the present chain, about the settlement contract."""
        contract = ("--contract", named(self.contract))
        return self.scene.settle(person, self.network, command, *arguments, *contract)

    def prove(
        self, model: Path, *prompt: object, request: str | None = None, name: str | None = None
    ) -> Path:
        """A proof of the prover's, made apart."""
        context = f"{DEV_CHAIN_ID}:{to_hex(self.contract)}:{to_hex(address('prover'))}"
        context += f":{request}" if request else ""
        path = self.scene.work / f"{name or model.name}.zkllm"
        self.scene.zkllm("prove", model, *prompt, "--context", context, "--out", path, "--json").json()
        return path

    def calldata(self, model: Path, proof: Path) -> bytes:
        path = proof.with_suffix(".bin")
        outcome = self.scene.zkllm("calldata", proof, "--model", model, "--out", path)
        check(outcome.code == 0, f"no calldata: {outcome.lines}")
        return path.read_bytes()

    def refused_on_chain(self, data: bytes, error: str, sender: str = "prover") -> None:
        reverts(self.chain, address(sender), self.contract, data, error)

    def refused_by(self, vault: bytes, person: str, error: str) -> None:
        reverts(self.chain, address(person), vault, encode_call(OPEN, OTHER_RECEIVER), error)

    def hashes(self) -> list[bytes]:
        return list(self.record().hashes)

    def record(self) -> Record:
        """The prover's settlement, as its journal has it."""
        record = self.scene.record("prover", "settle-")
        if record is None:
            raise Wrong("the prover's journal has no settlement")
        return record

    def mined(self) -> Receipt | None:
        """Whichever attempt was."""
        found = [r for r in map(self.chain.receipt, self.hashes()) if r is not None]
        check(len(found) <= 1, "two attempts were mined")
        return found[0] if found else None

    def is_settled(self) -> bool:
        return is_settled(self.chain, self.contract, bytes.fromhex(self.claim_id[2:]))


def run(steps: list[Callable[[], str]]) -> int:
    """Exit code. A line for each step, the last one of the step that went wrong."""
    for number, step in enumerate(steps, 1):
        start = time.monotonic()
        try:
            said = step()
        except (Wrong, ZkllmError) as error:
            print(f"WRONG {number:2d}/{len(steps)}  {step.__name__.replace('_', ' ')}: {error}", flush=True)
            return 1
        print(f"ok    {number:2d}/{len(steps)}  {said}  [{time.monotonic() - start:.1f} s]", flush=True)
    print("settlement check: everything went as it must")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, metavar="DIR", help="an empty folder to keep everything in")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="zkllm-check-") as temporary:
        work = arguments.work or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        if any(work.iterdir()):
            parser.error(f"{work} is not empty")
        try:
            with Scene(work.resolve()) as scene:
                return run(Way(scene).steps)
        except ZkllmError as error:  # the nodes did not start
            print(f"settlement check: {error}", file=sys.stderr)
            return 1


if __name__ == "__main__":
    sys.exit(main())
