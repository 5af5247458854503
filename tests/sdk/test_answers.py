"""Unmodified clients get answers through every workload: by path and by model, streamed and not."""

import json
import subprocess

import pytest

from conftest import DEADLINE

QUESTION = [{"role": "user", "content": "Where is my order 48213?"}]
PICTURE = {
    "type": "image",
    "source": {
        "type": "base64",
        "media_type": "image/png",
        "data": "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAF0lEQVR42mOIwgF+3cGOGEY1jGoYvhoAI+ufENrKZRUAAAAASUVORK5CYII=",
    },
}
LOOKUP = {
    "type": "object",
    "properties": {"order": {"type": "string"}},
    "required": ["order"],
}
OPENAI = {"support-chat": "aurora-large", "batch-extraction": "pennant-mini"}
ANTHROPIC = {"code-assistant": "cobalt-code", "image-understanding": "cobalt-vision"}


def addressed(client, workload, by):
    """A client and the model to name, for a workload that is addressed by path or by model."""
    return (client(workload), "anything") if by == "path" else (client(), workload)


@pytest.mark.parametrize("by", ["path", "model"])
@pytest.mark.parametrize("workload", OPENAI)
def test_openai_whole(healthy, workload, by):
    client, model = addressed(healthy.openai, workload, by)
    raw = client.chat.completions.with_raw_response.create(model=model, messages=QUESTION)
    answer = raw.parse()
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == OPENAI[workload], "the model stays truthful"
    assert answer.usage.total_tokens > 0
    assert raw.headers["x-backstop-workload"] == workload
    assert raw.headers["x-backstop-attempts"] == "1"
    assert "x-backstop-fallback" not in raw.headers


@pytest.mark.parametrize("by", ["path", "model"])
@pytest.mark.parametrize("workload", OPENAI)
def test_openai_streamed(healthy, workload, by):
    client, model = addressed(healthy.openai, workload, by)
    stream = client.chat.completions.create(
        model=model, messages=QUESTION, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    whole = client.chat.completions.create(model=model, messages=QUESTION)
    assert text == whole.choices[0].message.content
    assert chunks[-1].usage.completion_tokens > 0
    assert {chunk.model for chunk in chunks} == {OPENAI[workload]}


@pytest.mark.parametrize("by", ["path", "model"])
@pytest.mark.parametrize("workload", ANTHROPIC)
def test_anthropic_whole(healthy, workload, by):
    client, model = addressed(healthy.anthropic, workload, by)
    raw = client.messages.with_raw_response.create(model=model, max_tokens=300, messages=QUESTION)
    answer = raw.parse()
    assert answer.content[0].text
    assert answer.stop_reason == "end_turn"
    assert answer.model == ANTHROPIC[workload]
    assert answer.usage.output_tokens > 0
    assert raw.headers["x-backstop-workload"] == workload
    assert "x-backstop-fallback" not in raw.headers


@pytest.mark.parametrize("by", ["path", "model"])
@pytest.mark.parametrize("workload", ANTHROPIC)
def test_anthropic_streamed(healthy, workload, by):
    client, model = addressed(healthy.anthropic, workload, by)
    with client.messages.stream(model=model, max_tokens=300, messages=QUESTION) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    whole = client.messages.create(model=model, max_tokens=300, messages=QUESTION)
    assert text == whole.content[0].text == final.content[0].text
    assert final.model == ANTHROPIC[workload]
    assert final.stop_reason == "end_turn"


def test_extraction_follows_the_schema(healthy):
    answer = healthy.openai("batch-extraction").chat.completions.create(
        model="anything",
        messages=[{"role": "user", "content": "Invoice number: A-17\nTotal: EUR 12.50"}],
        response_format={
            "type": "json_schema",
            "json_schema": {
                "name": "invoice",
                "schema": {
                    "type": "object",
                    "properties": {
                        "invoice_number": {"type": "string"},
                        "total": {"type": "number"},
                    },
                },
            },
        },
    )
    assert json.loads(answer.choices[0].message.content) == {
        "invoice_number": "A-17",
        "total": 12.5,
    }


@pytest.mark.parametrize("stream", [False, True])
def test_openai_tools(healthy, stream):
    answer = healthy.openai("support-chat").chat.completions.create(
        model="anything",
        messages=[{"role": "user", "content": "Order: 48213"}],
        tools=[{"type": "function", "function": {"name": "lookup", "parameters": LOOKUP}}],
        stream=stream,
    )
    if stream:
        deltas = [chunk.choices[0].delta for chunk in answer]
        calls = [call for delta in deltas for call in delta.tool_calls or []]
        name = calls[0].function.name
        arguments = "".join(call.function.arguments or "" for call in calls)
    else:
        call = answer.choices[0].message.tool_calls[0]
        name, arguments = call.function.name, call.function.arguments
    assert (name, json.loads(arguments)) == ("lookup", {"order": "48213"})


def test_anthropic_tools(healthy):
    answer = healthy.anthropic("code-assistant").messages.create(
        model="anything",
        max_tokens=300,
        messages=[{"role": "user", "content": "Order: 48213"}],
        tools=[{"name": "lookup", "input_schema": LOOKUP}],
    )
    assert answer.stop_reason == "tool_use"
    assert (answer.content[0].name, answer.content[0].input) == ("lookup", {"order": "48213"})


def test_anthropic_vision(healthy):
    answer = healthy.anthropic("image-understanding").messages.create(
        model="anything",
        max_tokens=300,
        messages=[{"role": "user", "content": [PICTURE, {"type": "text", "text": "What is it?"}]}],
    )
    assert answer.content[0].text


def test_models_are_listed(healthy):
    models = [model.id for model in healthy.openai().models.list()]
    assert set(healthy.workloads) <= set(models)


CURL = {
    "support-chat": ("/v1/chat/completions", {}),
    "batch-extraction": ("/v1/chat/completions", {}),
    "code-assistant": ("/v1/messages", {"max_tokens": 100}),
    "image-understanding": ("/v1/messages", {"max_tokens": 100}),
}


@pytest.mark.parametrize("address", ["path", "model", "header"])
@pytest.mark.parametrize("workload", CURL)
def test_curl(healthy, workload, address):
    path, more = CURL[workload]
    prefix = f"/w/{workload}" if address == "path" else ""
    body = {"model": workload if address == "model" else "x", "messages": QUESTION, **more}
    extra = ["-H", f"x-backstop-workload: {workload}"] if address == "header" else []
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--fail-with-body", "--no-buffer", *extra]
        + ["-H", "content-type: application/json", "-d", json.dumps(body)]
        + [f"{healthy.gateway}{prefix}{path}"],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    answer = json.loads(done.stdout)
    assert answer["model"] == {**OPENAI, **ANTHROPIC}[workload]
