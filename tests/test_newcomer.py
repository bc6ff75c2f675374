"""A newcomer has no public data and perhaps no network: tests see neither unless they ask."""

import os
import socket
from pathlib import Path

import pytest


def test_there_is_no_network():
    with socket.socket() as outside, pytest.raises(ConnectionRefusedError, match="no network"):
        # An address that is reserved for documentation.
        outside.connect(("192.0.2.1", 80))


def test_there_are_no_public_data_and_no_downloads():
    assert "DATA_DIR" not in os.environ
    assert not list(Path(os.environ["EXPERIMENTS_CACHE"]).iterdir())


@pytest.mark.public_data
def test_a_test_that_asks_has_public_data():
    assert Path(os.environ["DATA_DIR"]).is_dir()
