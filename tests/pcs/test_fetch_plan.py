"""Importing from a file of which only what is needed is there, or read."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from testkit.toy import Instance, Toy
from tests.pcs.ptaus import needs_snarkjs, snarkjs
from zkllm._native import Points, g2_powers, g2_squarings
from zkllm.errors import SrsError
from zkllm.outer.verifier import verify
from zkllm.pcs import fetch_plan as planning
from zkllm.pcs.development import DEVELOPMENT_TAU
from zkllm.pcs.fetch_plan import fetch_plan, served_mu, smallest_power
from zkllm.pcs.ptau import FILE_HEAD, SECTION_HEAD, encode_header, import_ptau, open_srs, read_sections
from zkllm.pcs.ptau_write import write_development_ptau
from zkllm.pcs.srs import make_development_srs

pytestmark = pytest.mark.slow

POWER = 9


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "development.ptau"
    write_development_ptau(path, POWER)
    return path


def sparse(source: Path, target: Path, plan, skip: int | None = None) -> Path:
    """Only the plan's ranges of a file, at their places."""
    data = source.read_bytes()
    with target.open("wb") as file:
        for i, r in enumerate(plan.ranges):
            if i != skip:
                file.seek(r.start)
                file.write(data[r.start : r.stop])
        file.truncate(plan.ranges[-1].stop)
    return target


@pytest.mark.parametrize("powers", [2, 3, 100, 129, 1023])
def test_the_ranges_suffice(whole, tmp_path, monkeypatch, powers):
    monkeypatch.setattr(planning, "GAP", 100)
    plan = fetch_plan(powers, POWER)
    assert plan.fetched == sum(r.size for r in plan.ranges)
    path = sparse(whole, tmp_path / "partial.ptau", plan)
    srs = import_ptau(path, powers, partial=True)
    full = import_ptau(whole, powers)
    assert (srs.kind, srs.digest, srs.g2_raw) == (full.kind, full.digest, full.g2_raw)
    assert srs.num_powers == powers
    with pytest.raises(SrsError):
        import_ptau(path, powers)


def test_what_is_missing_is_named(whole, tmp_path, monkeypatch):
    monkeypatch.setattr(planning, "GAP", 0)
    plan = fetch_plan(200, POWER)
    path = tmp_path / "partial.ptau"
    expected = {0: "not a .ptau file", 1: "the head of a section, are missing"}
    for skip in range(len(plan.ranges)):
        sparse(whole, path, plan, skip)
        with pytest.raises(SrsError, match=expected.get(skip, "a point of G2 is outside the subgroup")):
            import_ptau(path, 200, partial=True)
    sparse(whole, path, plan)
    with pytest.raises(SrsError, match=f"bytes {80 + 64 * 200} to {80 + 64 * 201 - 1} of G1 are missing"):
        import_ptau(path, 201, partial=True)
    path.write_bytes(whole.read_bytes()[: 80 + 64 * 50])
    with pytest.raises(SrsError, match="it is cut off"):
        import_ptau(path, 200, partial=True)


def test_the_sizes_are_those_of_real_files(whole, tmp_path):
    plan = fetch_plan(1 << POWER, POWER)
    sections = read_sections(whole.read_bytes())
    assert {i: plan.sections[i] for i in range(1, 7)} == {i: sections[i][1] for i in range(1, 7)}


@needs_snarkjs
def test_the_sizes_are_those_of_prepared_files(tmp_path):
    write_development_ptau(tmp_path / "a.ptau", 3)
    snarkjs("prepare", "phase2", tmp_path / "a.ptau", tmp_path / "b.ptau")
    plan, sections = fetch_plan(8, 3), read_sections((tmp_path / "b.ptau").read_bytes())
    record = sections[7][1]
    assert plan.sections == {i: size for i, (_, size) in sections.items() if i != 7}
    assert plan.file_size + record == (tmp_path / "b.ptau").stat().st_size
    srs = import_ptau(sparse(tmp_path / "b.ptau", tmp_path / "c.ptau", plan), 8, partial=True)
    assert srs.digest == make_development_srs(3).digest


def test_a_file_of_the_largest_power_costs_no_more(tmp_path, monkeypatch):
    """2^28: 200 GB, all but a few kB of it a hole; read as a whole file and as a partial one."""
    monkeypatch.setenv("ZKLLM_CACHE", str(tmp_path / "cache"))
    count, power = 100, 28
    plan = fetch_plan(count, power)
    path = tmp_path / "huge.ptau"
    squarings = g2_squarings(DEVELOPMENT_TAU, 8)
    with path.open("wb") as file:
        offset = FILE_HEAD.size
        file.write(FILE_HEAD.pack(b"ptau", 1, len(plan.sections)))
        for identifier, size in plan.sections.items():
            file.seek(offset)
            file.write(SECTION_HEAD.pack(identifier, size))
            if identifier == 1:
                file.write(encode_header(power, power))
            if identifier == 2:
                file.write(Points.powers(DEVELOPMENT_TAU, count, 1).raw(0, count))
            if identifier == 3:
                file.write(g2_powers(DEVELOPMENT_TAU, 1, 1))
                for i in range(8):
                    file.seek(offset + SECTION_HEAD.size + (128 << i))
                    file.write(squarings[128 * i : 128 * i + 128])
            offset += SECTION_HEAD.size + size
        file.truncate(offset)
    status = path.stat()
    assert status.st_size > 280e9 and status.st_blocks * 512 < 1e6
    digest = make_development_srs(7).digest
    for partial in (False, True):
        srs = import_ptau(path, count, partial=partial)
        assert srs.num_powers == count and len(srs.g2_raw) == 8 and srs.digest == digest
    assert open_srs(path, count).digest == digest, "nor does set-up read the whole"


def test_plans_that_cannot_be_are_refused():
    assert smallest_power(1 << 20) == 20 and smallest_power((1 << 20) - 1) == 19
    for powers, power, message in (
        (1 << 20, 19, "need a .ptau file of a power from 20 to 28, not 19"),
        (1 << 20, 29, "not 29"),
        (1 << 29, None, "no .ptau file has 536870912 powers"),
    ):
        with pytest.raises(SrsError, match=message):
            fetch_plan(powers, power)
    assert planning.ceremony_url(28).endswith("powersOfTau28_hez_final.ptau")
    assert planning.ceremony_url(9).endswith("powersOfTau28_hez_final_09.ptau")
    with pytest.raises(SrsError, match="no file of power 7"):
        planning.ceremony_url(7)


def test_the_mu_that_is_served():
    assert planning.powers_for(20) == 1 << 20 and planning.powers_for(10) == 15 << 16
    assert served_mu(1 << 22, 22) == 22 and served_mu((1 << 22) - 1, 22) == 21
    assert served_mu(1000, 10) is None
    assert served_mu(1 << 22, 9) == 16, "Mercury needs [tau^b]_2, b = 2^9 at mu = 17"


@contextmanager
def served(path: Path, requests: list[str]) -> Iterator[str]:
    """The file over HTTP, in ranges."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            first, last = map(int, self.headers["Range"].removeprefix("bytes=").split("-"))
            requests.append(self.headers["Range"])
            data = path.read_bytes()
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
            self.send_header("Content-Length", str(last + 1 - first))
            self.end_headers()
            self.wfile.write(data[first : last + 1])

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/a file.ptau"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
def test_the_commands_fetch_what_is_needed_and_go_on(whole, tmp_path, monkeypatch):
    monkeypatch.setattr(planning, "GAP", 100)
    monkeypatch.setattr(planning, "PIECE", 5000)
    plan, out, requests = fetch_plan(200, POWER), tmp_path / "a b.ptau", []
    with served(whole, requests) as url:
        script = "\n".join(plan.commands(url.replace(" ", "%20"), out))
        shell = lambda text: subprocess.run(["sh", "-c", text], capture_output=True, text=True, timeout=60)
        lines = script.splitlines()
        cut = "\n".join(lines[: len(lines) - 4] + ["exit 3"])
        assert shell(cut).returncode == 3
        done = len(requests)
        assert 0 < done < len(lines)
        again = shell(script)
        assert again.returncode == 0, again.stderr
    assert len(requests) == len(set(requests)), "what was fetched is not fetched again"
    assert import_ptau(out, 200, partial=True).digest == import_ptau(whole).digest
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a b.ptau"]
    assert os.stat(out).st_size <= whole.stat().st_size


@needs_snarkjs
@pytest.mark.long
def test_keys_and_proofs_with_a_ceremony_of_snarkjs(tmp_path):
    """Import, keys, a proof and its verification."""
    powers = []
    make = lambda count: powers.append(count) or make_development_srs((count - 1).bit_length())
    toy = Toy.random(mu=4, num_fixed=2, num_witness=1)
    Instance.make(toy, open_srs=make)
    power = smallest_power(powers[0])
    at = lambda name: tmp_path / f"{name}.ptau"
    snarkjs("new", "bn128", power, at("new"))
    snarkjs("contribute", at("new"), at("final"), "--name=one", "-e=some entropy")
    instance = Instance.make(toy, open_srs=lambda count: import_ptau(at("final"), count))
    assert instance.vk.srs_kind == "ceremony"
    verify(instance.vk, instance.context, instance.words, instance.prove())
