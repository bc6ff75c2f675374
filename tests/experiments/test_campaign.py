import pytest

from experiments.campaign import WRITERS, campaign


@pytest.mark.slow
@pytest.mark.parametrize("name", WRITERS)
def test_kills_lose_no_version(name):
    counts = campaign(WRITERS[name], kills=30)
    assert counts["kills"] == 30
    assert counts["within a write"] >= 9
    assert counts["lost"] == 0
