"""A demo without traffic and faults, its simulated providers, and the event log as the CLI prints it.

Started by tests/run; alone: BACKSTOP_BINARY=target/debug/backstop python -m pytest tests/sdk
"""

import json
import os
import pathlib
import queue
import subprocess
import threading
import time
import urllib.request

import anthropic
import openai
import pytest

import conformance

BINARY = pathlib.Path(os.environ.get("BACKSTOP_BINARY", "target/debug/backstop")).resolve()

# Long enough for a loaded machine; nothing waits this long when all is well.
DEADLINE = 60.0


class Demo:
    """One running `backstop demo --headless`."""

    def __init__(self):
        self.process = subprocess.Popen(
            [BINARY, "demo", "--headless", "--no-traffic", "--no-faults", "--seed", "1"],
            stdout=subprocess.PIPE,
            text=True,
        )
        lines = queue.Queue()
        reader = threading.Thread(
            target=lambda: lines.put(self.process.stdout.readline()), daemon=True
        )
        reader.start()
        try:
            line = lines.get(timeout=DEADLINE)
        except queue.Empty:
            self.process.kill()
            raise AssertionError("the demo did not say that it serves") from None
        if not line:
            raise AssertionError(f"the demo ended with {self.process.wait()}")
        serving = json.loads(line)
        self.gateway = serving["gateway"]
        self.config = serving["config"]
        self.providers = serving["providers"]
        self.workloads = serving["workloads"]

    def stop(self):
        """Ends it as an operator would, and looks whether anything stayed behind."""
        self.process.terminate()
        assert self.process.wait(timeout=DEADLINE) == 0
        assert not pathlib.Path(self.config).parent.exists()

    def fault(self, provider, **order):
        """Orders a fault from a simulated provider."""
        request = urllib.request.Request(
            f"{self.providers[provider]}/__simulate/fault",
            data=json.dumps(order).encode(),
            method="POST",
        )
        with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
            assert answer.status == 200

    def asked(self, provider):
        """What a simulated provider was asked by clients, oldest first. Probes come by themselves."""
        url = f"{self.providers[provider]}/__simulate/requests"
        with urllib.request.urlopen(url, timeout=DEADLINE) as answer:
            return [entry for entry in json.load(answer)["requests"] if not entry["probe"]]

    def cli(self, *arguments):
        """Runs another subcommand on this demo and returns what it printed, line by line as JSON."""
        done = subprocess.run(
            [BINARY, "--config", self.config, *arguments, "--json"],
            capture_output=True,
            text=True,
            timeout=DEADLINE,
        )
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def events(self, count=1):
        """The event log, once it has so many events and all of them have their outcome."""
        end = time.monotonic() + DEADLINE
        while True:
            events = self.cli("events", "--limit", "0")
            if len(events) >= count and all(event["outcome"] for event in events):
                return events
            assert time.monotonic() < end, f"{count} events with outcomes never came: {events}"

    def openai(self, workload=None, **options):
        """The real client; no retries, so that one call is one request."""
        path = f"/w/{workload}" if workload else ""
        options = {"max_retries": 0, "timeout": DEADLINE, **options}
        return openai.OpenAI(base_url=f"{self.gateway}{path}/v1", api_key="client-key", **options)

    def anthropic(self, workload=None, **options):
        """The real client; no retries, so that one call is one request."""
        path = f"/w/{workload}" if workload else ""
        options = {"max_retries": 0, "timeout": DEADLINE, **options}
        return anthropic.Anthropic(base_url=f"{self.gateway}{path}", api_key="client-key", **options)


@pytest.fixture(scope="session")
def healthy():
    """A demo in which nothing fails, shared by the tests that need no more."""
    demo = Demo()
    yield demo
    demo.stop()


@pytest.fixture
def demo():
    """A demo of its own, so that events and circuits of one test do not meet another."""
    demo = Demo()
    yield demo
    demo.stop()


@pytest.fixture(scope="session")
def provider():
    """The base URL of aimock."""
    process = conformance.provider()
    yield process.place
    process.stop()


@pytest.fixture(scope="session")
def ways(provider):
    """Straight to aimock, and through the gateway."""
    gateway = conformance.Gateway(provider)
    yield conformance.Direct(provider), gateway
    gateway.stop()
