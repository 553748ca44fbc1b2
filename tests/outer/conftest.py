import pytest

from testkit.toy import Instance, Toy


@pytest.fixture(scope="session")
def instance() -> Instance:
    return Instance.make(Toy.random())


@pytest.fixture(scope="session")
def body(instance: Instance) -> bytes:
    return instance.prove()
