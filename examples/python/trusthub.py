"""Starts a Trust Hub for a test, and controls it. Needs only Python 3.11 and the program trusthub."""

import contextlib
import json
import os
import subprocess
import typing
import urllib.request


class Server(typing.NamedTuple):
    """The URL of a Trust Hub, and the account that it serves."""

    base_url: str
    account_sid: str
    auth_token: str
    operator_token: str
    primary_customer_profile_sid: str

    def control(self, path, **body):
        """Controls the server. See "In a test" in docs/operating.md for what there is besides

        control("clock/advance", seconds=60)  # what becomes due on the way has been done when it returns
        control("faults", status=503)  # the next request is refused
        control("reset", to="empty")
        """
        request = urllib.request.Request(f"{self.base_url}/operator/v1/test/{path}", json.dumps(body).encode())
        request.add_header("Authorization", "Bearer " + self.operator_token)
        request.add_header("Content-Type", "application/json")
        urllib.request.urlopen(request, timeout=40).close()


@contextlib.contextmanager
def start_trust_hub():
    """Starts a server on a free port with a temporary database, and stops it at the end of the with statement.

    The server also stops when this process ends. The program is found in PATH, or is the one that the environment variable
    TRUSTHUB names.
    """
    command = [os.environ.get("TRUSTHUB", "trusthub"), "serve", "--test"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"trusthub stopped while it started, with status {process.wait()}")
        started = json.loads(line)  # later versions may say more
        yield Server(*(started[name] for name in Server._fields))
        process.stdin.close()
