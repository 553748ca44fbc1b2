"""The API of a node in a process of its own, by OpenAI's client; and by clients that are slow, many, wrong or
out of all measure."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import openai
import pytest

from scripts.serve import toy
from scripts.serve.running import NodeEnded
from tests.serve.package import NAME, SHAPES, Served, write_settings
from zkllm import api
from zkllm.key_files import verifying_key_file
from zkllm.model.package import ModelPackage
from zkllm.outer.keys import VerifyingKey
from zkllm.proof import Proof
from zkllm.serve.database import Database
from zkllm.serve.jobs import Jobs, State
from zkllm.serve.keys import add_key
from zkllm.statement import Context

pytestmark = pytest.mark.slow

PROMPT = "Hel"
MANY = 200


@pytest.fixture(scope="module")
def package(toy_package: ModelPackage) -> ModelPackage:
    """Proofs are the toy's: real ones are in other files."""
    return toy_package


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    path = tmp_path_factory.mktemp("keys") / "keys"
    return path, add_key(path, "alice", may_settle=True), add_key(path, "bob")


@pytest.fixture(scope="module")
def node(package: ModelPackage, keys: tuple[Path, str, str], tmp_path_factory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("node")
    server = {"keys_file": str(keys[0]), "head_seconds": 5.0, "body_seconds": 5.0, "send_seconds": 2.0}
    jobs = {"waiting_answers": 16, "waiting_proofs": 12}
    with Served(write_settings(folder, package, server=server, jobs=jobs), toy.NODE) as running:
        yield running


def client_of(node: Served, key: str, **options) -> openai.OpenAI:
    return openai.OpenAI(base_url=node.url + "/v1", api_key=key, max_retries=0, **options)


@pytest.fixture
def client(node: Served, keys) -> openai.OpenAI:
    return client_of(node, keys[1])


@pytest.fixture
def idle(node: Served) -> Served:
    """Nothing waits to be proved."""
    clear(node)
    return node


def clear(node: Served) -> None:
    """What waits is cancelled, what is being proved ends."""
    jobs = Jobs(Database(node.state, made=True))
    for job in jobs.all([State.QUEUED]):
        jobs.move(job.id, [State.QUEUED], State.CANCELLED, "by the test")
    node.wait_for(lambda jobs: all(job.is_over for job in jobs))


def rss(node: Served) -> int:
    lines = Path(f"/proc/{node.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmRSS"))


def expected(package: ModelPackage, prompt: str, new_tokens: int) -> str:
    ids = package.tokenizer.encode(prompt)
    rows, certified = min(s for s in SHAPES if s[1] >= new_tokens and len(ids) - 1 + s[1] <= s[0])
    answer = api.answer(package, ids, certified, rows).answer[:new_tokens]
    return package.tokenizer.decode(answer)


def test_the_models_are_listed(client, package):
    (model,) = client.models.list().data
    about = model.model_dump()["zkllm"]
    assert model.id == NAME and model.owned_by == "zkllm"
    assert about["model_id"] == "0x" + api.open_setup(package).model_id.hex()
    assert [(s["max_tokens"], s["new_tokens"]) for s in about["shapes"]] == SHAPES
    assert client.models.retrieve(NAME).id == NAME


def test_a_completion_is_the_models_answer_and_its_proof_holds(client, node, package):
    headers = {"Authorization": f"Bearer {client.api_key}"}
    for _ in range(10):  # until a proof is looked at before it is there
        answer = client.completions.create(model=NAME, prompt=PROMPT, max_tokens=2, temperature=0)
        ids = answer.model_dump()["zkllm"]
        events = read_events(node, ids["proof_id"], headers)
        if events[0][1]["state"] != "proved":
            break
    (choice,) = answer.choices
    assert choice.text == expected(package, PROMPT, 2) and choice.finish_reason == "length"
    assert answer.usage.prompt_tokens == 3 and answer.usage.completion_tokens == 2
    kinds = [name for name, _ in events]
    assert kinds[0] == "proof" and kinds[-2:] == ["proof", "done"] and "progress" in kinds
    states = [data["state"] for name, data in events if name == "proof"]
    assert states[-1] == "proved" and set(states) <= {"queued", "proving", "proved"}
    told = get(node, f"/v1/proofs/{ids['proof_id']}", headers)
    assert told["answer"] == choice.text and told["claim_id"] == ids["claim_id"]
    raw = fetch(node, told["file"], headers)
    proof = Proof.from_bytes(raw)
    key = VerifyingKey.load(verifying_key_file(package.folder, *SHAPES[0]))
    api.verify(raw, key)
    assert "0x" + proof.statement(key).claim_id().hex() == ids["claim_id"] and proof.context == Context()
    assert get(node, told["calldata"], headers)["verify"].startswith("0x")


def read_events(node: Served, job_id: str, headers: dict[str, str]) -> list[tuple[str, dict]]:
    text = fetch(node, f"/v1/proofs/{job_id}/events", headers).decode()
    found = []
    for block in text.strip().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if lines:
            found.append((lines["event"], json.loads(lines["data"])))
    return found


def request(node: Served, method: str, path: str, headers=None, body=None) -> tuple[int, dict, bytes]:
    where = urlsplit(node.url)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()
    finally:
        connection.close()


def fetch(node: Served, path: str, headers: dict[str, str]) -> bytes:
    status, _, data = request(node, "GET", path, headers)
    assert status == 200, data
    return data


def get(node: Served, path: str, headers: dict[str, str]) -> dict:
    return json.loads(fetch(node, path, headers))


@pytest.mark.parametrize("tokens", [1, 2, 3, 4, None])
def test_a_stream_says_what_the_whole_answer_says(client, idle, tokens):
    asked = {"model": NAME, "prompt": PROMPT} | ({} if tokens is None else {"max_tokens": tokens})
    whole = client.completions.create(**asked)
    parts = list(client.completions.create(**asked, stream=True, stream_options={"include_usage": True}))
    assert "".join(c.text for part in parts for c in part.choices) == whole.choices[0].text
    assert parts[-1].choices == [] and parts[-1].usage == whole.usage
    assert [c.finish_reason for part in parts for c in part.choices][-1] == "length"
    assert {part.model_dump()["zkllm"]["proof_id"] for part in parts} == {
        whole.model_dump()["zkllm"]["proof_id"]
    }


def test_a_chat_is_asked_by_the_models_template(client, idle, package):
    messages = [{"role": "user", "content": [{"type": "text", "text": "He"}]}]
    whole = client.chat.completions.create(model=NAME, messages=messages, max_completion_tokens=2)
    assert whole.choices[0].message.content == expected(package, "uHea", 2)
    assert whole.choices[0].message.role == "assistant"
    parts = list(client.chat.completions.create(model=NAME, messages=messages, max_tokens=2, stream=True))
    assert parts[0].choices[0].delta.role == "assistant"
    assert "".join(p.choices[0].delta.content or "" for p in parts) == whole.choices[0].message.content


def test_white_space_that_tokens_swallow_is_told_with_the_answer_and_with_its_proof(client, idle, keys):
    headers = {"Authorization": f"Bearer {keys[1]}"}
    words = "the model's tokenizer swallows {} of white space beside special tokens: the prompt that is"
    words += " proved is without"
    three = {"characters": 3, "message": words.format("3 characters")}
    swallowed = lambda answer: answer.model_dump()["zkllm"]["swallowed"]
    asked = {"model": NAME, "max_tokens": 1}
    complete = lambda prompt, **more: client.completions.create(prompt=prompt, **asked, **more)
    chat = lambda words, **more: client.chat.completions.create(
        messages=[{"role": "user", "content": words}], **asked, **more
    )
    job_of = lambda answer: answer.model_dump()["zkllm"]["proof_id"]
    job = job_of(complete("a<|endoftext|>b"))
    for create in (complete, chat):
        whole = create("a<|endoftext|> \n b")
        parts = list(create("a<|endoftext|> \n b", stream=True, stream_options={"include_usage": True}))
        assert [swallowed(part) for part in (whole, *parts)] == [three] * (1 + len(parts))
        assert swallowed(create("a<|endoftext|>\nb"))["message"] == words.format("a character")
    again = complete("a<|endoftext|> \n b")  # the same ids: the same job, of which it is told too
    told = get(idle, f"/v1/proofs/{job}", headers)
    assert job_of(again) == job and told["swallowed"] == three
    events = [data for name, data in read_events(idle, job, headers) if name == "proof"]
    assert events and all(data["swallowed"] == three for data in events)
    for clean in ("a<|endoftext|>b", told["prompt_ids"]):
        answer = complete(clean)
        assert job_of(answer) == job and swallowed(answer) is None
        assert get(idle, f"/v1/proofs/{job}", headers)["swallowed"] is None


def test_ids_and_a_list_of_one_prompt_are_prompts_too(client, idle, package):
    ids = package.tokenizer.encode(PROMPT)
    texts = {
        client.completions.create(model=NAME, prompt=prompt, max_tokens=2).choices[0].text
        for prompt in (PROMPT, [PROMPT], ids, [ids])
    }
    assert len(texts) == 1
    assert (
        len([job for job in idle.jobs() if job.order.prompt == tuple(ids) and job.order.shape[1] == 2]) == 1
    )


def test_a_word_at_which_to_stop(client, idle, package):
    whole = client.completions.create(model=NAME, prompt=PROMPT, max_tokens=4).choices[0].text
    stop = whole[-1]
    cut = client.completions.create(model=NAME, prompt=PROMPT, max_tokens=4, stop=[stop, "unheard"])
    assert cut.choices[0].text == whole[: whole.index(stop)] and cut.choices[0].finish_reason == "stop"


REFUSED = {
    "a temperature": ({"temperature": 0.7}, openai.BadRequestError, "temperature", "greedy"),
    "several answers": ({"n": 2}, openai.BadRequestError, "n", "not supported"),
    "logprobs": ({"logprobs": 5}, openai.BadRequestError, "logprobs", "not supported"),
    "an unknown parameter": (
        {"extra_body": {"tempurature": 0}}, openai.BadRequestError, "tempurature", "unknown parameter",
    ),
    "an unknown model": ({"model": "gpt-4"}, openai.NotFoundError, "model", "no model 'gpt-4'"),
    "an empty prompt": ({"prompt": ""}, openai.BadRequestError, "prompt", "the prompt is empty"),
    "a prompt too long": ({"prompt": "a" * 40}, openai.BadRequestError, "prompt", "20 tokens"),
    "a prompt much too long": ({"prompt": "a" * 900_000}, openai.BadRequestError, "prompt", "900,000 bytes"),
    "too many tokens": ({"max_tokens": 5}, openai.BadRequestError, "max_tokens", "at most 4"),
    "no tokens": ({"max_tokens": 0}, openai.BadRequestError, "max_tokens", "greater than or equal to 1"),
    "an id that is none": ({"prompt": [1, 301]}, openai.BadRequestError, "prompt", "token id 301"),
    "two prompts": ({"prompt": ["a", "b"]}, openai.BadRequestError, "prompt", "one prompt at a time"),
    "a prompt of another kind": ({"prompt": {"a": 1}}, openai.BadRequestError, None, "prompt"),
    "settling without a chain": (
        {"extra_body": {"zkllm": {"settle": True}}}, openai.BadRequestError, "zkllm.settle", "no chain",
    ),
    "a prompt that is to be sealed": (
        {"extra_body": {"zkllm": {"sealed": True}}}, openai.BadRequestError, "zkllm.sealed", "zkllm.sealed",
    ),
    "an extension that is none": (
        {"extra_body": {"zkllm": {"setle": True}}}, openai.BadRequestError, "zkllm.setle", "zkllm.setle",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_answered_is_refused_as_the_client_expects(client, node, case):
    options, kind, param, words = REFUSED[case]
    before = len(node.jobs())
    with pytest.raises(kind) as caught:
        client.completions.create(**({"model": NAME, "prompt": PROMPT} | options))
    error = caught.value
    assert words in error.message and (param is None or error.param == param), error
    assert error.request_id and len(node.jobs()) == before


def test_messages_that_are_none_are_refused(client):
    picture = [{"type": "image_url", "image_url": {"url": "x"}}]
    for messages in ([{"role": "user"}], [{"content": "x"}], [], [{"role": "user", "content": picture}]):
        with pytest.raises(openai.BadRequestError):
            client.chat.completions.create(model=NAME, messages=messages)


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b"[" * 100_000, b'{"model": NaN}', b""])
def test_bodies_that_are_no_json_are_refused(node, keys, body):
    headers = {"Authorization": f"Bearer {keys[1]}", "Content-Type": "application/json"}
    status, _, data = request(node, "POST", "/v1/completions", headers, body)
    assert status == 400 and json.loads(data)["error"]["type"] == "invalid_request_error", data


def test_wrong_keys_and_none(node, keys):
    for key in ("wrong", keys[1][:-1], keys[1] + "x", "sk-another"):
        with pytest.raises(openai.AuthenticationError) as caught:
            client_of(node, key).models.list()
        assert caught.value.code == "invalid_api_key" and key not in node.log.read_text()
    for path in ("/v1/models", "/v1/proofs/proof-1", "/v1/proofs/proof-1/file"):
        assert request(node, "GET", path)[0] == 401
    assert keys[1] not in node.log.read_text()


def test_nobody_sees_another_ones_proof(client, node, keys, idle):
    proof = client.completions.create(model=NAME, prompt="ab", max_tokens=1).model_dump()["zkllm"]["proof_id"]
    other = {"Authorization": f"Bearer {keys[2]}"}
    for path in ("", "/file", "/calldata", "/events"):
        assert request(node, "GET", f"/v1/proofs/{proof}{path}", other)[0] == 404
    for path in ("/settle", "/cancel"):
        assert request(node, "POST", f"/v1/proofs/{proof}{path}", other)[0] == 404


def test_a_job_is_cancelled_by_who_asked(client, node, keys, idle):
    headers = {"Authorization": f"Bearer {keys[1]}"}
    ids = [
        client.completions.create(model=NAME, prompt=prompt, max_tokens=4).model_dump()["zkllm"]["proof_id"]
        for prompt in ("cd", "ce", "cf")
    ]
    for job_id in reversed(ids):  # two wait, one is being proved
        status, _, data = request(node, "POST", f"/v1/proofs/{job_id}/cancel", headers)
        assert status == 200 and json.loads(data)["state"] == "cancelled"
    assert request(node, "POST", f"/v1/proofs/{ids[0]}/cancel", headers)[0] == 409
    later = client.completions.create(model=NAME, prompt="cg", max_tokens=1).model_dump()["zkllm"]["proof_id"]
    jobs = {job.id: job for job in node.wait_for(lambda jobs: all(job.is_over for job in jobs))}
    assert {jobs[job_id].state for job_id in ids} == {State.CANCELLED} and jobs[later].state is State.PROVED


def test_a_client_reads_why_its_proof_failed_without_what_is_the_operators(client, node, keys, idle):
    answer = client.completions.create(model=NAME, prompt="ch", max_tokens=1)
    proof_id = answer.model_dump()["zkllm"]["proof_id"]
    node.wait_for(lambda jobs: all(job.is_over for job in jobs))
    why = "x0: value 9 leaves its range; recalibrate the model (zkllm setup --calibration FILE)"
    Jobs(Database(node.state, made=True)).move(proof_id, [State.PROVED], State.FAILED, why)
    headers = {"Authorization": f"Bearer {keys[1]}"}
    assert get(node, f"/v1/proofs/{proof_id}", headers)["reason"] == "x0: value 9 leaves its range"
    for words in (
        fetch(node, f"/v1/proofs/{proof_id}/events", headers).decode(),
        request(node, "POST", f"/v1/proofs/{proof_id}/settle", headers)[2].decode(),
    ):
        assert "zkllm setup" not in words


def test_a_context_that_the_client_names_is_the_proofs(client, node, keys, idle):
    context = {"chain_id": 5, "contract": "0x" + "11" * 20, "sender": "0x" + "22" * 20}
    body = {"zkllm": {"context": context}}
    answer = client.completions.create(model=NAME, prompt="ab", max_tokens=2, extra_body=body)
    proof_id = answer.model_dump()["zkllm"]["proof_id"]
    node.wait_for(lambda jobs: all(job.is_over for job in jobs))
    raw = fetch(node, f"/v1/proofs/{proof_id}/file", {"Authorization": f"Bearer {keys[1]}"})
    assert Proof.from_bytes(raw).context == Context(5, b"\x11" * 20, b"\x22" * 20)


def test_a_body_out_of_all_measure_is_refused_and_takes_no_memory(node, keys):
    size = 100 << 20
    where = urlsplit(node.url)
    head = f"POST /v1/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {keys[1]}\r\n"
    before = rss(node)
    for framing in (f"Content-Length: {size}\r\n", "Transfer-Encoding: chunked\r\n"):
        with socket.create_connection((where.hostname, where.port), timeout=30) as connection:
            connection.sendall((head + framing + "\r\n").encode())
            chunk = bytes(1 << 16)
            sent = f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n" if "chunked" in framing else chunk
            try:
                for _ in range(size >> 16):
                    connection.sendall(sent)
            except OSError:
                pass  # the node has heard enough
            try:
                answer = connection.recv(1 << 16).decode()
            except ConnectionError:
                continue
            assert answer.startswith("HTTP/1.1 413"), answer
    assert rss(node) - before < 24 << 20


def test_slow_clients_are_left_and_hold_nobody_up(node, client, idle):
    """One says nothing, one no whole head, one no body, one does not read what it asked for."""
    where = urlsplit(node.url)
    connect = lambda: socket.create_connection((where.hostname, where.port), timeout=30)
    silent, head, body = connect(), connect(), connect()
    head.sendall(b"GET /healthz HTTP/1.1\r\nX: ")
    body.sendall(
        f"POST /v1/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {client.api_key}\r\n"
        "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{".encode()
    )
    start = time.monotonic()
    client.models.list()
    assert time.monotonic() - start < 4.0
    assert silent.recv(100) == b"" and head.recv(100) == b""
    assert b"408" in body.recv(1000)
    assert time.monotonic() - start < 15.0
    for connection in (silent, head, body):
        connection.close()


def test_a_reader_that_does_not_read_is_left(node):
    where = urlsplit(node.url)
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect((where.hostname, where.port))
        connection.settimeout(30)
        asked = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
        end = time.monotonic() + 20
        with pytest.raises(OSError):  # left
            while time.monotonic() < end:  # answers of some 10 kB each, none of which is read
                connection.sendall(asked)
                time.sleep(0.001)


def test_many_clients_at_once_are_answered_or_told_to_come_back(node, keys, idle):
    """200 at once, each with a question of its own: 16 answers may wait, and 12 proofs."""
    before = {job.id for job in node.jobs()}

    def ask(number: int) -> tuple[str, float]:
        client = client_of(node, keys[1], timeout=120)
        try:
            answer = client.completions.create(model=NAME, prompt=[number % 256, number // 256], max_tokens=2)
        except openai.RateLimitError as error:
            assert error.code == "queue_full"
            return "", float(error.response.headers["retry-after"])
        return answer.model_dump()["zkllm"]["proof_id"], 0.0

    with ThreadPoolExecutor(MANY) as pool:
        asked = [pool.submit(ask, number) for number in range(MANY)]
        start = time.monotonic()
        assert request(node, "GET", "/healthz")[0] == 200
        responsive = time.monotonic() - start
        found = [future.result() for future in asked]
    answered = {job_id for job_id, _ in found if job_id}
    assert 12 <= len(answered) < MANY and all(wait >= 1 for job_id, wait in found if not job_id)
    assert answered == {job.id for job in node.jobs()} - before
    assert responsive < 10.0


def test_a_client_that_tries_again_is_answered_in_the_end(node, keys, idle):
    def ask(number: int) -> str:
        client = openai.OpenAI(base_url=node.url + "/v1", api_key=keys[1], max_retries=20)
        return client.completions.create(model=NAME, prompt=[number], max_tokens=2).model_dump()["zkllm"][
            "proof_id"
        ]

    with ThreadPoolExecutor(15) as pool:
        assert len(set(pool.map(ask, range(100, 115)))) == 15


def test_what_is_measured_can_be_read(node, keys):
    text = request(node, "GET", "/metrics")[2].decode()
    for name in (
        "zkllm_jobs",
        "zkllm_proof_stage_seconds_bucket",
        "zkllm_tokens_total",
        "zkllm_http_requests_total",
    ):
        assert name in text
    assert request(node, "GET", "/readyz")[0] == 200
    for line in node.log.read_text().splitlines():
        if line.startswith("{"):
            json.loads(line)
    assert PROMPT not in node.log.read_text()


def test_unknown_urls_and_methods(node, keys):
    assert request(node, "GET", "/v1/none", {"Authorization": f"Bearer {keys[1]}"})[0] == 404
    assert request(node, "DELETE", "/v1/models", {"Authorization": f"Bearer {keys[1]}"})[0] == 405


def test_an_address_that_is_taken_is_named_in_one_line(node, package, tmp_path):
    port = urlsplit(node.url).port
    with pytest.raises(NodeEnded) as caught:
        Served(write_settings(tmp_path, package, server={"port": port})).start()
    said = [line for line in str(caught.value).splitlines() if not line.startswith("{")]
    assert len(said) == 1 and f"cannot listen at 127.0.0.1:{port}" in said[0]
