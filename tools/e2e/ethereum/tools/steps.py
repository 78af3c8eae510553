"""What the Python scripts are given, and how they report."""

import json
import os
import sys
import traceback
from contextlib import contextmanager
from pathlib import Path
from time import monotonic


class Environment:
    """The variables that the README describes."""

    def __init__(self):
        self.rpc = os.environ["COCO_ETH_RPC"]
        self.ws = os.environ.get("COCO_ETH_WS")
        self.chain_id = int(os.environ["COCO_CHAIN_ID"])
        self.keys = os.environ["COCO_KEYS"].split(",")
        # True for a caller to whom a confidential network shows no more than the outcome of a transaction whose hash it knows.
        self.sees_outcomes_only = os.environ.get("COCO_SEES") == "outcomes"
        # A transparent network serves proofs and raw storage.
        self.is_transparent = os.environ.get("COCO_MODE", "transparent") == "transparent"
        self.token = json.loads(Path(os.environ["COCO_TOKEN"]).read_text())
        bearer = os.environ.get("COCO_BEARER")
        self.headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        certificate = os.environ.get("COCO_CERT")
        self.identity = (certificate, os.environ["COCO_KEY"]) if certificate else None

    def foundry(self):
        """The environment from which cast and forge take the endpoint; they know no client certificates."""
        variables = {"ETH_RPC_URL": self.rpc}
        if bearer := self.headers.get("Authorization"):
            variables["ETH_RPC_HEADERS"] = f"Authorization: {bearer}"
        return variables


@contextmanager
def step(name):
    """Runs one step and prints a line of what it found; a step that raises ends the script."""
    started, lines = monotonic(), []
    try:
        yield lines.append
    except Exception:
        print(f"{name}: FAILED: {traceback.format_exc()}", flush=True)
        sys.exit(1)
    print(f"{name}: {lines[0]} ({(monotonic() - started) * 1000:.0f} ms)", flush=True)


def expect_error(kind, function, *arguments):
    """The error of `kind` that the call must raise."""
    try:
        answer = function(*arguments)
    except kind as error:
        return error
    raise AssertionError(f"{function} returned {answer!r}")
