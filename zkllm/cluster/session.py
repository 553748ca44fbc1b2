"""A Ray for as long as a command lasts: one of this machine that starts and stops with it, or one that is
there already, which is joined and left.

    with ray_session(address) as session:
        ray.get(...)

Whatever ends the block (its end, an error, Ctrl-C or SIGTERM) ends every process that the session started.
After SIGKILL Linux ends those that work at once, and Ray its two agents in about a minute.
"""

from __future__ import annotations

import logging
import os
import re
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec

from zkllm import __version__
from zkllm.cluster.errors import ClusterError
from zkllm.cluster.local import STORE_BYTES, local_options, require_token, session_folder
from zkllm.cluster.nodes import Node, nodes, require_same_program
from zkllm.cluster.quiet import nothing_printed, results_only
from zkllm.errors import reason
from zkllm.files import JsonObject
from zkllm.requirements import CLUSTER, install

NAMESPACE = "zkllm"
"""Of our actors in a Ray that others use too."""
CONNECT_SECONDS = 5.0
_SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_NUM_REDIS_GET_RETRIES": "1",  # of some 40 s each, where something else listens at the address
}
"""Of Ray's environment, where the user has not set them."""


@dataclass(frozen=True)
class Session:
    """`address`: HOST:PORT of the Ray that is joined. `own`: it ends with the session. `nodes`: as they were
    when the session began."""

    address: str
    own: bool
    nodes: tuple[Node, ...]


def require_ray() -> None:
    """A ClusterError where Ray is not installed."""
    if missing := [name for name in CLUSTER if find_spec(name) is None]:
        raise ClusterError(f"work over several processes or machines needs Ray: {install(*missing)}")


def require_answer(address: str) -> None:
    """A ClusterError unless something listens at HOST:PORT; Ray itself would try for minutes."""
    if address == "auto":
        return
    found = re.fullmatch(r"\[?([A-Za-z0-9._:%-]+?)\]?:([0-9]{1,5})", address)
    if found is None or not 0 < int(found[2]) < 1 << 16:
        raise ClusterError(
            f"{address[:80]!r} is no address of a Ray: HOST:PORT of its head, as ray start --head prints it, "
            "or auto on a machine that is in it"
        )
    try:
        socket.create_connection((found[1], int(found[2])), CONNECT_SECONDS).close()
    except OSError as error:
        raise ClusterError(
            f"no Ray answers at {address}: {reason(error)}; start it, or correct --ray"
        ) from None


@contextmanager
def ray_session(
    address: str | None = None,
    *,
    cores: int | None = None,
    memory: int | None = None,
    store: int = STORE_BYTES,
) -> Iterator[Session]:
    """Joins the Ray at `address` (HOST:PORT, or "auto" for the one of this machine); without one, starts one
    on this machine that offers `cores` and `memory` bytes (default: what is there) and stops with the block.

    Raises ClusterError, one line, where Ray is missing, the address does not answer, or a node runs another
    Ray, Python or zkllm; ResourceError where this machine has no room for it.
    """
    require_ray()
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    logging.getLogger("ray").setLevel(logging.ERROR)
    with ExitStack() as stack:
        if address is None:
            require_token()
            folder = stack.enter_context(session_folder())
            options = local_options(folder, cores, memory, store)
        else:
            require_answer(address)
            options = {"address": address}
        yield stack.enter_context(_started(options, own=address is None))


@contextmanager
def _started(options: JsonObject, own: bool) -> Iterator[Session]:
    import ray

    if ray.is_initialized():
        raise ClusterError("this process has a Ray session already; end it before another one")
    quiet: JsonObject = {"log_to_driver": False, "logging_level": logging.ERROR, "namespace": NAMESPACE}
    with results_only(), _own_signals() as restore:
        try:
            try:
                ray.init(**options, **quiet)
            except (RuntimeError, ConnectionError, ValueError, ray.exceptions.RayError) as error:
                raise ClusterError(_words(error, options["address"])) from None
            restore()
            found = nodes()
            require_same_program(found, __version__)
            yield Session(ray.get_runtime_context().gcs_address, own, found)
        finally:
            with nothing_printed():  # what Ray has held back of its workers' words comes from this thread
                ray.shutdown()


@contextmanager
def _own_signals() -> Iterator[Callable[[], None]]:
    """SIGTERM leaves the block as an exception does: by the caller's handler, or by one that exits. What is
    given puts that in the place of Ray's handler, which ends the process at once."""
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    before = signal.getsignal(signal.SIGTERM)

    def restore() -> None:
        signal.signal(signal.SIGTERM, _exit if before is signal.SIG_DFL else before)

    try:
        yield restore
    finally:
        signal.signal(signal.SIGTERM, before)


def _exit(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


_RELEASES = re.compile(r"Ray: (\S+)\s+Python: (\S+)")


def _words(error: BaseException, address: object) -> str:
    text = " ".join(str(error).split())
    where = "a local Ray" if address == "local" else f"the Ray at {address}"
    if len(found := _RELEASES.findall(text)) == 2:
        (ray, python), (ray_here, python_here) = found
        return (
            f"{where} has Ray {ray} and Python {python}, and this program Ray {ray_here} and Python "
            f"{python_here}; run both with the same releases"
        )
    return f"{where} cannot be {'started' if address == 'local' else 'joined'}: {text[:300]}"
