"""Probes against the independent provider: the class of each failure, and exactly one request for each probe."""

import json
import subprocess
import urllib.request

import pytest

from conformance import BINARY, DEADLINE

CLASSES = {
    400: "invalid-request",
    401: "authentication",
    403: "forbidden",
    404: "invalid-request",
    409: "rate-limited",
    413: "invalid-request",
    422: "invalid-request",
    429: "rate-limited",
    500: "server-error",
    503: "overloaded",
    529: "overloaded",
}
FAMILIES = ["openai-chat", "openai-responses", "anthropic-messages", "gemini-generate"]


def body(family, question, stream):
    """The smallest request of a family."""
    turn = [{"role": "user", "content": question}]
    return {
        "openai-chat": {"model": "", "messages": turn, "stream": stream},
        "openai-responses": {"model": "", "input": question, "stream": stream},
        "anthropic-messages": {"model": "", "max_tokens": 64, "messages": turn, "stream": stream},
        "gemini-generate": {"contents": [{"role": "user", "parts": [{"text": question}]}]},
    }[family]


def journal(provider):
    """Every request that the provider has seen."""
    with urllib.request.urlopen(f"{provider}/__aimock/journal", timeout=DEADLINE) as answer:
        seen = json.load(answer)
    return seen if isinstance(seen, list) else seen["entries"]


@pytest.mark.parametrize("family", FAMILIES)
def test_each_failure_has_its_class_and_is_asked_once(provider, tmp_path, family):
    questions = {f"s{status}": f"answer with {status}" for status in CLASSES} | {"good": "chat please"}
    lines = [
        "schema = 1",
        "[store]",
        'url = "sqlite:state"',
        "[providers.p]",
        f'base_url = "{provider}"',
        f'family = "{family}"',
        "key = { none = true }",
        "[routes.r]",
        'provider = "p"',
        'model = "test-model"',
        'capabilities = ["streaming"]',
        "[workloads.w]",
        'primary = "r"',
        # The gateway would ask again; a probe never does.
        "backoff = { retries = 3 }",
    ]
    for name, question in questions.items():
        stream = name == "good" and family != "gemini-generate"
        (tmp_path / f"{name}.json").write_text(json.dumps(body(family, question, stream)))
        lines += ["[[workloads.w.samples]]", 'class = "chat"', f'file = "{name}.json"']
        if family == "gemini-generate" and name != "good":
            lines += ["stream = false"]
    config = tmp_path / "backstop.toml"
    config.write_text("\n".join(lines) + "\n")

    before = len(journal(provider))
    done = subprocess.run(
        [BINARY, "--config", config, "probe", "w", "--json", "--no-store"],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )
    assert done.returncode == 1, done.stderr
    records = [record["sample"] for record in json.loads(done.stdout)["records"]]
    found = {
        record["sample"].removeprefix("w/"): record["failure"] and record["failure"]["class"]
        for record in records
    }
    assert found == {f"s{status}": name for status, name in CLASSES.items()} | {"good": None}
    good = next(record for record in records if record["sample"] == "w/good")
    assert "parcel 48213" in good["output"]

    # Exactly the probes: none was repeated, and nothing else was asked.
    asked = journal(provider)[before:]
    assert len(asked) == len(questions)
    texts = json.dumps([entry["body"] for entry in asked])
    for question in questions.values():
        assert texts.count(f'"{question}"') == 1, question
