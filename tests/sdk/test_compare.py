"""Comparisons against the independent provider: both answers are what it sent, to the letter, and what is cancelled
stops there."""

import http.client
import json
import signal
import subprocess
import time
import urllib.error
import urllib.request

import pytest

from conformance import BINARY, DEADLINE
from test_probe import FAMILIES, body, journal

QUESTIONS = ["chat please", "invoice please", "hostile please", "two tools please", "think please", "break off"]


def config(provider, family, samples, path=""):
    """A workload whose two routes both ask the provider, each by a model of its own."""
    lines = ["schema = 1", "[store]", 'url = "sqlite:state"']
    for name in ["one", "two"]:
        lines += [
            f"[providers.{name}]",
            f'base_url = "{provider}{path}"',
            f'family = "{family}"',
            "key = { none = true }",
            f"[routes.{name}]",
            f'provider = "{name}"',
            f'model = "model-{name}"',
            'capabilities = ["streaming", "tools"]',
        ]
    lines += ["[workloads.w]", 'primary = "one"', 'fallback = "two"']
    for name, stream in samples:
        lines += ["[[workloads.w.samples]]", 'class = "chat"', f'file = "{name}.json"']
        if family == "gemini-generate" and not stream:
            lines += ["stream = false"]
    return "\n".join(lines) + "\n"


def shown(text):
    """A text as it may be shown, by rules of its own: written from the documentation, not from the code."""
    out = []
    for letter in text:
        code = ord(letter)
        if letter == "\n":
            out.append(letter)
        elif letter == "\t":
            out.append(" ")
        elif code < 0x20:
            out.append(chr(0x2400 + code))
        elif code == 0x7F:
            out.append("\u2421")
        elif 0x80 <= code <= 0x9F or code in (0x202E, 0x2066, 0x200B, 0x200D, 0xFEFF):
            out.append("\ufffd")
        else:
            out.append(letter)
    return "".join(out)


def raw(provider, family, sent, stream):
    """What the provider says to a client that reads bytes: the JSON of every event, or of the whole."""
    path = {
        "openai-chat": "/v1/chat/completions",
        "openai-responses": "/v1/responses",
        "anthropic-messages": "/v1/messages",
        "gemini-generate": "/v1beta/models/model-one:"
        + ("streamGenerateContent?alt=sse" if stream else "generateContent"),
    }[family]
    headers = {"content-type": "application/json", "anthropic-version": "2023-06-01"}
    request = urllib.request.Request(
        provider + path, json.dumps({**sent, "model": "model-one"}).encode(), headers
    )
    try:
        with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
            data = b""
            try:
                while piece := answer.read1():
                    data += piece
            except (OSError, http.client.HTTPException):
                pass  # It breaks off: what came before counts.
    except urllib.error.HTTPError as error:
        raise AssertionError(error.read()) from None
    if not stream:
        return [json.loads(data)]
    lines = data.decode().split("\n")
    found = [line[5:].strip() for line in lines if line.startswith("data:")]
    events = []
    for line in found:
        try:
            events.append(json.loads(line))
        except ValueError:
            pass  # `[DONE]`, or half of an event.
    return events


def text_of(family, events, stream):
    """The text in these, read as a client of that family would."""
    pieces = []
    for event in events:
        if family == "openai-chat":
            for choice in event.get("choices", []):
                said = choice.get("delta" if stream else "message") or {}
                pieces.append(said.get("content") or "")
        elif family == "openai-responses" and stream:
            if event.get("type") == "response.output_text.delta":
                pieces.append(event["delta"])
        elif family == "openai-responses":
            for item in event["output"]:
                parts = item.get("content") or [] if item["type"] == "message" else []
                pieces += [part["text"] for part in parts if part["type"] == "output_text"]
        elif family == "anthropic-messages" and stream:
            if event.get("type") == "content_block_delta":
                pieces.append(event["delta"].get("text", ""))
        elif family == "anthropic-messages":
            pieces += [block.get("text", "") for block in event["content"]]
        else:
            for candidate in event.get("candidates", []):
                parts = candidate.get("content", {}).get("parts", [])
                pieces += [part.get("text", "") for part in parts if not part.get("thought")]
    return "".join(pieces)


def run(tmp_path, *arguments):
    """The comparison as JSON."""
    done = subprocess.run(
        [BINARY, "--config", tmp_path / "backstop.toml", "compare", "w", "--json", "--no-store", *arguments],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("family", FAMILIES)
def test_both_answers_are_what_the_provider_sent(provider, tmp_path, family, stream):
    questions = {f"q{number}": question for number, question in enumerate(QUESTIONS)}
    if not stream:
        questions = {name: question for name, question in questions.items() if question != "break off"}
    for name, question in questions.items():
        sent = body(family, question, stream)
        (tmp_path / f"{name}.json").write_text(json.dumps(sent))
    text = config(provider, family, [(name, stream) for name in questions])
    (tmp_path / "backstop.toml").write_text(text)

    before = len(journal(provider))
    outcome = run(tmp_path)
    asked = journal(provider)[before:]
    assert len(asked) == 2 * len(questions), "each sample once to each route"

    for sample in outcome["samples"]:
        question = questions[sample["sample"].removeprefix("w/")]
        sent = body(family, question, stream)
        events = raw(provider, family, sent, stream)
        wanted = shown(text_of(family, events, stream))
        (pair,) = sample["pairs"]
        for side in ["primary", "fallback"]:
            answer = pair[side]
            if question == "break off":
                assert answer["result"]["failure"]["class"] == "broken-response", question
                assert answer["text"] == wanted != ""
                continue
            assert answer["result"]["failure"] is None, (question, answer)
            assert answer["text"] == wanted, question
            assert not answer["clipped"]
            assert bool(answer["text"] or answer.get("tools")), question
            if question == "two tools please":
                names = [call["name"] for call in answer["tools"]]
                assert names == ["get_weather", "get_time"]
                arguments = [json.loads(call["arguments"]) for call in answer["tools"]]
                assert arguments == [{"city": "Oslo", "unit": "c"}, {"zone": "Europe/Oslo"}]
        if question != "break off":
            assert pair["differences"] == [], question


def slow(provider):
    """How many endless answers were begun, and how many of them their client has left."""
    with urllib.request.urlopen(f"{provider}/slow/seen", timeout=DEADLINE) as answer:
        return json.load(answer)


def until(provider, name, count):
    """Waits for as many of them."""
    end = time.monotonic() + DEADLINE
    while slow(provider)[name] < count:
        assert time.monotonic() < end, f"{name}: {slow(provider)}, not {count}"
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("family", "path"), [("openai-chat", "/slow/v1"), ("anthropic-messages", "/slow")]
)
def test_what_is_cancelled_stops_at_the_provider(provider, tmp_path, family, path):
    (tmp_path / "q.json").write_text(json.dumps(body(family, "slow please", True)))
    (tmp_path / "backstop.toml").write_text(config(provider, family, [("q", True)], path))
    before = slow(provider)
    process = subprocess.Popen(
        [BINARY, "--config", tmp_path / "backstop.toml", "compare", "w", "--no-store"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until(provider, "begun", before["begun"] + 2)
    assert slow(provider)["left"] == before["left"]
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=DEADLINE) == 130
    until(provider, "left", before["left"] + 2)
