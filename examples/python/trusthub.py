"""Starts a Trust Hub for a test. Needs only Python 3.11 and the program trusthub."""

import contextlib
import json
import os
import subprocess
import typing


class Server(typing.NamedTuple):
    """The URL of a Trust Hub, and the account that it serves."""

    base_url: str
    account_sid: str
    auth_token: str
    primary_customer_profile_sid: str


@contextlib.contextmanager
def start_trust_hub():
    """Starts a server on a free port with a temporary database, and stops it at the end of the with statement.

    The server also stops when this process ends. Reviews take 10 ms. The program is found in PATH, or is the one that the
    environment variable TRUSTHUB names.
    """
    command = [os.environ.get("TRUSTHUB", "trusthub"), "serve", "--test", "--review-delay", "10ms"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"trusthub stopped while it started, with status {process.wait()}")
        yield Server(**json.loads(line))
        process.stdin.close()
