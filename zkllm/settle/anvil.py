"""A local Ethereum node: Foundry's Anvil, started on a free port and stopped at the end."""

from __future__ import annotations

import re
import subprocess
import threading
import time
from pathlib import Path
from types import TracebackType

from zkllm.errors import SettlementError, reason
from zkllm.settle.executables import foundry_program, named_program, program_on_path
from zkllm.settle.networks import DEV_CHAIN_ID
from zkllm.settle.rpc import Rpc, one_line

ENVIRONMENT = "ZKLLM_ANVIL"
HARDFORK = "osaka"
START_SECONDS = 30.0
_LISTENING = re.compile(r"Listening on (127\.0\.0\.1:\d+)")


def find_anvil() -> Path:
    """$ZKLLM_ANVIL, npm's platform package in the repository or NODE_PATH, or PATH."""
    found = named_program(ENVIRONMENT) or foundry_program("anvil") or program_on_path("anvil")
    if found is None:
        raise SettlementError(
            "no Anvil found: put one on PATH (npm install -g @foundry-rs/anvil), or set "
            f"${ENVIRONMENT} to its path, or NODE_PATH to what npm root -g prints"
        )
    return found


class LocalNode:
    """Context manager: a running Anvil, as `rpc`.

    With `state`, a file, the chain continues from it and is written back at the end; with `fork_url`, the
    URL of another node, it begins as a copy of that node's chain; without, it starts empty. `chain_id`: what
    it says that it is; `start_time`: of its first block; `tracing`: it can tell a transaction's steps.
    """

    def __init__(
        self,
        state: Path | None = None,
        *,
        chain_id: int = DEV_CHAIN_ID,
        fork_url: str | None = None,
        hardfork: str = HARDFORK,
        start_time: int | None = None,
        tracing: bool = False,
    ):
        self._chain_id = chain_id
        self._options = ["--chain-id", str(chain_id), "--hardfork", hardfork, "--enable-tx-gas-limit"]
        if fork_url is not None:
            self._options += ["--fork-url", fork_url]
        if start_time is not None:
            self._options += ["--timestamp", str(start_time)]
        if tracing:
            self._options.append("--steps-tracing")
        if state is not None:
            self._options += ["--state", str(state), "--preserve-historical-states"]
        self._state = state
        self._process: subprocess.Popen[str] | None = None
        self._output: list[str] = []
        self._listening = threading.Event()
        self._address: str | None = None
        self.rpc: Rpc

    def __enter__(self) -> LocalNode:
        command = [str(find_anvil()), "--port", "0", *self._options]
        if self._state is not None:
            self._state.parent.mkdir(parents=True, exist_ok=True)
        try:
            # a session of its own, so that Ctrl-C reaches us first and the node is stopped in order
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        except OSError as error:
            raise SettlementError(f"cannot start {command[0]}: {reason(error)}") from None
        threading.Thread(target=self._drain, daemon=True).start()
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise
        return self

    def _drain(self) -> None:
        """Reads what the node prints, so that it never blocks on a full pipe."""
        assert self._process is not None and self._process.stdout is not None
        for line in self._process.stdout:
            if self._address is None:
                self._output.append(line)
                found = _LISTENING.search(line)
                if found:
                    self._address = found[1]
                    self._listening.set()
        self._listening.set()

    def _wait(self) -> None:
        self._listening.wait(START_SECONDS)
        if self._address is None:
            words = [line for line in self._output if line.strip()]
            raise SettlementError(
                "Anvil did not start: " + one_line(words[-1] if words else "it printed nothing")
            )
        self.rpc = Rpc(self.url, "the local Anvil")
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                chain_id = self.rpc.chain_id()
                break
            except SettlementError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        if chain_id != self._chain_id:
            raise SettlementError(f"the local Anvil has chain id {chain_id} instead of {self._chain_id}")

    @property
    def command(self) -> list[str]:
        """That runs this chain on at Anvil's usual address, in a terminal, from its state and back to it."""
        return [str(find_anvil()), *self._options]

    @property
    def url(self) -> str:
        return f"http://{self._address}"

    def stop(self) -> None:
        """Ends the node; it writes its state first."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
