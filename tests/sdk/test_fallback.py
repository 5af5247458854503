"""What clients see when the primary fails: a fallback with its headers and one event, or the very error."""

import json
import subprocess

import anthropic
import openai
import pytest

from conftest import BINARY, DEADLINE

QUESTION = [{"role": "user", "content": "Where is my order 48213?"}]


def chat(demo, workload, stream=False, **options):
    """One call with the openai client: headers and text."""
    raw = demo.openai(workload, **options).chat.completions.with_raw_response.create(
        model="anything", messages=QUESTION, stream=stream
    )
    answer = raw.parse()
    if stream:
        text = "".join(chunk.choices[0].delta.content or "" for chunk in answer)
    else:
        text = answer.choices[0].message.content
    return raw.headers, text


def message(demo, workload, stream=False):
    """One call with the anthropic client: headers and text."""
    raw = demo.anthropic(workload).messages.with_raw_response.create(
        model="anything", max_tokens=300, messages=QUESTION, stream=stream
    )
    answer = raw.parse()
    if stream:
        deltas = [event.delta for event in answer if event.type == "content_block_delta"]
        text = "".join(delta.text for delta in deltas)
    else:
        text = answer.content[0].text
    return raw.headers, text


# Client, workload, primary's provider and model, fallback's provider.
OPENAI = (chat, "support-chat", "aurora", "aurora-large", "basalt")
ANTHROPIC = (message, "image-understanding", "cobalt", "cobalt-vision", "dune")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("fault", "error_class", "status"),
    [
        ("500", "server-error", 500),
        ("503", "overloaded", 503),
        ("529", "overloaded", 529),
        ("refuse", "unreachable", None),
        ("stall-headers", "timeout", None),
    ],
)
@pytest.mark.parametrize("family", [OPENAI, ANTHROPIC], ids=["openai", "anthropic"])
def test_a_trigger_gives_the_fallback_and_one_event(
    demo, family, fault, error_class, status, stream
):
    call, workload, provider, model, other = family
    order = {} if fault == "refuse" else {"model": model}
    demo.fault(provider, fault=fault, **order)
    headers, text = call(demo, workload, stream)
    assert text
    assert headers["x-backstop-fallback"] == error_class
    assert headers["x-backstop-attempts"] == "2"
    assert headers["x-backstop-degraded"]
    assert len(demo.asked(other)) == 1
    (event,) = demo.events()
    assert event["id"] == headers["x-backstop-event"]
    assert (event["workload"], event["decision"]) == (workload, "fallback")
    assert (event["class"], event["status"]) == (error_class, status)
    assert event["reason"] == {"is": "trigger"}
    assert event["notice"] == "header"
    assert event["outcome"]["kind"] == "completed"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("fault", "error", "error_class"),
    [
        ("400", openai.BadRequestError, "invalid-request"),
        ("401", openai.AuthenticationError, "authentication"),
    ],
)
def test_openai_400_and_401_reach_the_client(demo, fault, error, error_class, stream):
    demo.fault("aurora", fault=fault)
    with pytest.raises(error) as caught:
        chat(demo, "support-chat", stream)
    assert caught.value.body["type"] == "invalid_request_error", "the provider's own error"
    refused_without_fallback(demo, caught.value.response.headers, "basalt", error_class)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("fault", "error", "kind", "error_class"),
    [
        ("400", anthropic.BadRequestError, "invalid_request_error", "invalid-request"),
        ("401", anthropic.AuthenticationError, "authentication_error", "authentication"),
    ],
)
def test_anthropic_400_and_401_reach_the_client(demo, fault, error, kind, error_class, stream):
    demo.fault("cobalt", fault=fault)
    with pytest.raises(error) as caught:
        message(demo, "image-understanding", stream)
    assert caught.value.body["error"]["type"] == kind, "the provider's own error"
    refused_without_fallback(demo, caught.value.response.headers, "dune", error_class)


def refused_without_fallback(demo, headers, other, error_class):
    assert "x-backstop-fallback" not in headers
    assert demo.asked(other) == [], "the fallback was not asked"
    (event,) = demo.events()
    assert (event["decision"], event["class"]) == ("refused", error_class)
    assert event["reason"] == {"is": "never-trigger"}


def test_no_fallback_without_the_notice_that_the_workload_demands(demo):
    demo.fault("cobalt", fault="529", model="cobalt-code")
    with pytest.raises(anthropic.APIStatusError) as caught:
        message(demo, "code-assistant")
    assert caught.value.status_code == 529
    assert demo.asked("dune") == []
    (event,) = demo.events()
    assert (event["decision"], event["reason"]) == ("refused", {"is": "notice-impossible"})


def test_a_rate_limit_is_waited_out_first_and_then_falls_back(demo):
    demo.fault("pennant", fault="429", retry_after=1)
    headers, _ = chat(demo, "batch-extraction")
    assert headers["x-backstop-fallback"] == "rate-limited"
    assert [asked["status"] for asked in demo.asked("pennant")] == [429, 429]
    (event,) = demo.events()
    assert len(event["attempts"]) == 2


def test_a_rate_limit_that_clears_is_no_fallback(demo):
    demo.fault("pennant", fault="429", retry_after=1, times=1)
    headers, _ = chat(demo, "batch-extraction")
    assert "x-backstop-fallback" not in headers
    assert demo.asked("basalt") == []


def test_spent_money_is_no_rate_limit(demo):
    demo.fault("pennant", fault="insufficient-quota")
    with pytest.raises(openai.RateLimitError) as caught:
        chat(demo, "batch-extraction")
    assert caught.value.code == "insufficient_quota"
    assert len(demo.asked("pennant")) == 1, "not asked again"
    (event,) = demo.events()
    assert (event["decision"], event["class"]) == ("refused", "quota-exhausted")


def test_a_stream_that_breaks_after_its_first_words_is_not_switched(demo):
    demo.fault("aurora", fault="cut")
    words = []
    with pytest.raises(openai.APIError):
        stream = demo.openai("support-chat").chat.completions.create(
            model="anything", messages=QUESTION, stream=True
        )
        for chunk in stream:
            words.append(chunk.choices[0].delta.content or "")
    assert "".join(words), "the first words had arrived"
    assert demo.asked("basalt") == []
    (event,) = demo.events()
    assert (event["decision"], event["class"]) == ("broken", "broken-response")


def test_an_anthropic_stream_that_breaks_ends_with_a_typed_error(demo):
    demo.fault("cobalt", fault="cut")
    words = []
    with pytest.raises(anthropic.APIError):
        with demo.anthropic("image-understanding").messages.stream(
            model="anything", max_tokens=300, messages=QUESTION
        ) as stream:
            words.extend(stream.text_stream)
    assert "".join(words)
    (event,) = demo.events()
    assert event["decision"] == "broken"


@pytest.mark.parametrize("fault", ["html", "malformed", "empty"])
def test_an_answer_that_is_none_falls_back_where_the_policy_lists_it(demo, fault):
    demo.fault("cobalt", fault=fault)
    headers, text = message(demo, "image-understanding")
    assert text
    assert headers["x-backstop-fallback"] == "broken-response"


def test_clients_do_not_repeat_what_both_routes_refused(demo):
    demo.fault("aurora", fault="503")
    demo.fault("basalt", fault="503")
    with pytest.raises(openai.InternalServerError) as caught:
        chat(demo, "support-chat", max_retries=2)
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert (len(demo.asked("aurora")), len(demo.asked("basalt"))) == (1, 1)
    decisions = [event["decision"] for event in demo.events(count=2)]
    assert decisions == ["fallback", "exhausted"]


def test_a_force_moves_the_traffic_of_unmodified_clients(demo):
    done = subprocess.run(
        [
            *(BINARY, "--config", demo.config, "force", "support-chat"),
            *("--confirm", "support-chat", "--reason", "drill", "--json"),
        ],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["progress"]["confirmed"] is True
    headers, text = chat(demo, "support-chat", stream=True)
    assert text
    assert headers["x-backstop-route"] == "stable-chat"
    assert demo.asked("aurora") == []
    (event,) = demo.events()
    assert event["reason"]["is"] == "forced"
