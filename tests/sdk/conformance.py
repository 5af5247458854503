"""The two ways to an independent provider, aimock: straight, and through the gateway.

The clients are the unmodified ones; of what they are told, only the base URL differs.
"""

import http.client
import io
import json
import os
import pathlib
import queue
import re
import socket
import subprocess
import tempfile
import threading

import anthropic
import openai
from google import genai

BINARY = pathlib.Path(os.environ.get("BACKSTOP_BINARY", "target/debug/backstop")).resolve()
HERE = pathlib.Path(__file__).parent
DEADLINE = 60.0
MODEL = "test-model"


def says(text):
    """A conversation of one message."""
    return [{"role": "user", "content": text}]


class Process:
    """A program that says on one of its lines where it serves."""

    def __init__(self, command, find, stream, **options):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, text=True, **{stream: subprocess.PIPE}, **options
        )
        found = queue.Queue()

        def read():
            for line in getattr(self.process, stream):
                if place := find(line):
                    found.put(place)

        threading.Thread(target=read, daemon=True).start()
        try:
            self.place = found.get(timeout=DEADLINE)
        except queue.Empty:
            self.process.kill()
            raise AssertionError(f"{command[0]} did not say where it serves") from None

    def stop(self):
        """Ends it as an operator, or the end of its input, would."""
        self.process.stdin.close()
        self.process.terminate()
        return self.process.wait(timeout=DEADLINE)


class Direct:
    """Straight to the provider."""

    def __init__(self, url):
        self.url = url
        self.gemini_clients = {}

    def base(self, family):
        return self.url + ("/base64" if family == "embeddings-base64" else "")

    def openai(self, family="chat", **options):
        options = {"max_retries": 0, "timeout": DEADLINE, **options}
        return openai.OpenAI(base_url=f"{self.base(family)}/v1", api_key="test-key", **options)

    def anthropic(self, family="messages", **options):
        options = {"max_retries": 0, "timeout": DEADLINE, **options}
        return anthropic.Anthropic(base_url=self.base(family), api_key="test-key", **options)

    def gemini(self, family="gemini", version="v1beta"):
        """By itself this client asks for v1, which aimock does not serve. One for each family and version:
        a client closes its connections when nobody holds it any more."""
        kept = (family, version)
        if kept not in self.gemini_clients:
            options = genai.types.HttpOptions(
                base_url=self.base(family), api_version=version, timeout=int(DEADLINE * 1000)
            )
            self.gemini_clients[kept] = genai.Client(api_key="test-key", http_options=options)
        return self.gemini_clients[kept]


class Gateway(Direct):
    """Through a gateway with `conformance.toml`."""

    def __init__(self, provider):
        self.directory = tempfile.TemporaryDirectory(prefix="backstop-conformance-")
        self.config = pathlib.Path(self.directory.name) / "backstop.toml"
        template = (HERE / "conformance.toml").read_text()
        self.config.write_text(template.replace("PROVIDER", provider))
        self.process = Process(
            [BINARY, "--config", self.config, "serve", "--log-json"],
            lambda line: json.loads(line).get("address"),
            "stderr",
        )
        super().__init__(f"http://{self.process.place}")

    def base(self, family):
        return f"{self.url}/w/{family}"

    def events(self):
        """The event log as the command line prints it."""
        done = subprocess.run(
            [BINARY, "--config", self.config, "events", "--limit", "0", "--json"],
            capture_output=True,
            text=True,
            timeout=DEADLINE,
        )
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def stop(self):
        assert self.process.stop() == 0
        self.directory.cleanup()


class Recorder:
    """Stands between the gateway and a provider, byte for byte, and keeps what the provider sent."""

    def __init__(self, provider):
        host, port = provider.removeprefix("http://").split(":")
        self.provider = (host, int(port))
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.sent = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            provider = socket.create_connection(self.provider)
            for source, drain, kept in ((client, provider, None), (provider, client, self.sent)):
                arguments = (source, drain, kept)
                threading.Thread(target=self.copy, args=arguments, daemon=True).start()

    @staticmethod
    def copy(source, drain, kept):
        try:
            while piece := source.recv(65536):
                if kept is not None:
                    kept.append(piece)
                drain.sendall(piece)
            drain.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def last_body(self):
        """The body of the last answer, out of its framing, as sent."""
        answer = http.client.HTTPResponse(Sent(b"".join(self.sent)))
        answer.begin()
        return answer.read()

    def stop(self):
        self.listener.close()


class Sent:
    """Recorded bytes in the place of a socket."""

    def __init__(self, data):
        self.data = data

    def makefile(self, *_):
        return io.BytesIO(self.data)


def provider():
    """aimock with the answers of `node/provider.js`."""
    return Process(
        ["node", HERE / "node" / "provider.js"],
        lambda line: line.strip() if line.startswith("http") else None,
        "stdout",
    )


# What aimock makes up anew for each answer.
MADE_UP = re.compile(r"\b(chatcmpl|resp|msg|fc|rs|req|call|toolu)[-_][A-Za-z0-9_-]{14,}")


def plain(value):
    """A parsed answer as data, without what the provider makes up and without when it was."""
    if hasattr(value, "model_dump"):
        value = value.model_dump(mode="json", warnings=False)
    if isinstance(value, dict):
        return {
            key: 0 if key in ("created", "created_at", "completed_at") else plain(item)
            for key, item in value.items()
            if key not in ("sdk_http_response", "_request_id")
        }
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, str):
        return MADE_UP.sub(r"\1", value)
    return value
