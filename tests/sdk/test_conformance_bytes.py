"""What a client gets is, byte for byte, what the provider has sent.

A recorder stands between the gateway and aimock; the client is a raw one.
"""

import hashlib
import json
import subprocess

import pytest

import conformance
from conformance import DEADLINE, MODEL, says


@pytest.fixture(scope="module")
def recorded(provider):
    recorder = conformance.Recorder(provider)
    gateway = conformance.Gateway(recorder.url)
    yield recorder, gateway
    gateway.stop()
    recorder.stop()


def chat(text):
    return "chat", "/v1/chat/completions", {"model": MODEL, "messages": says(text)}


def response(text):
    return "responses", "/v1/responses", {"model": MODEL, "input": text}


def message(text):
    return "messages", "/v1/messages", {"model": MODEL, "max_tokens": 9, "messages": says(text)}


def embeddings(text):
    return "embeddings", "/v1/embeddings", {"model": MODEL, "input": text}


def gemini(text):
    body = {"contents": [{"role": "user", "parts": [{"text": text}]}]}
    return "gemini", f"/v1beta/models/{MODEL}:generateContent", body


TEXTS = ["chat please", "two tools please", "think please", "answer with 429"]


@pytest.mark.parametrize(
    ("call", "text", "stream"),
    [
        *(
            (call, text, stream)
            for call in (chat, response, message, gemini)
            for text in TEXTS
            for stream in (True, False)
        ),
        (embeddings, "one text", False),
        (embeddings, "answer with 429", False),
    ],
)
def test_bytes_are_the_providers(recorded, call, text, stream):
    recorder, gateway = recorded
    recorder.sent.clear()
    family, path, body = call(text)
    if stream and call is gemini:
        path = path.replace(":generateContent", ":streamGenerateContent?alt=sse")
    elif stream:
        body["stream"] = True
    # curl takes the answer out of its framing and touches nothing else.
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--no-buffer"]
        + ["--header", "content-type: application/json", "--data", json.dumps(body)]
        + [f"{gateway.url}/w/{family}{path}"],
        capture_output=True,
        timeout=DEADLINE,
    )
    assert done.returncode == 0, done.stderr
    sent = recorder.last_body()
    assert len(sent) > 40
    digest = hashlib.sha256(done.stdout).hexdigest()
    assert digest == hashlib.sha256(sent).hexdigest(), (done.stdout, sent)
