"""Errors and fallbacks as the clients of an independent provider see them: the same exceptions through the
gateway, the fallback where the primary is down, and a typed error that keeps the text when a stream breaks.
"""

import anthropic
import openai
import pytest
from google.genai import errors as gemini_errors

from conformance import MODEL, plain, says


def create(resource, raw):
    return resource.with_raw_response.create if raw else resource.create


def chat(way, text, family="chat", raw=False, **more):
    resource = way.openai(family).chat.completions
    return create(resource, raw)(model=MODEL, messages=says(text), **more)


def response(way, text, family="responses", raw=False, **more):
    return create(way.openai(family).responses, raw)(model=MODEL, input=text, **more)


def embeddings(way, text, family="embeddings", raw=False):
    resource = way.openai(family).embeddings
    return create(resource, raw)(model=MODEL, input=text, encoding_format="float")


def message(way, text, family="messages", raw=False, **more):
    resource = way.anthropic(family).messages
    return create(resource, raw)(model=MODEL, max_tokens=99, messages=says(text), **more)


def gemini(way, text, family="gemini", stream=False):
    models = way.gemini(family).models
    if stream:
        return list(models.generate_content_stream(model=MODEL, contents=text))
    return models.generate_content(model=MODEL, contents=text)


FAMILIES = {chat: "chat", response: "responses", embeddings: "embeddings", message: "messages"}

OPENAI = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    409: openai.ConflictError,
    413: openai.APIStatusError,
    422: openai.UnprocessableEntityError,
    429: openai.RateLimitError,
    500: openai.InternalServerError,
    503: openai.InternalServerError,
    529: openai.InternalServerError,
}
ANTHROPIC = {
    400: anthropic.BadRequestError,
    401: anthropic.AuthenticationError,
    403: anthropic.PermissionDeniedError,
    404: anthropic.NotFoundError,
    409: anthropic.ConflictError,
    413: anthropic.RequestTooLargeError,
    422: anthropic.UnprocessableEntityError,
    429: anthropic.RateLimitError,
    500: anthropic.InternalServerError,
    503: anthropic.ServiceUnavailableError,
    529: anthropic.OverloadedError,
}
ERRORS = [
    pytest.param(call, status, error, stream, id=f"{call.__name__}-{status}-{stream or 'whole'}")
    for call, errors, streams in (
        (chat, OPENAI, ("", "stream")),
        (response, OPENAI, ("", "stream")),
        (embeddings, OPENAI, ("",)),
        (message, ANTHROPIC, ("", "stream")),
    )
    for status, error in errors.items()
    for stream in streams
]


@pytest.mark.parametrize(("call", "status", "error", "stream"), ERRORS)
def test_same_exception(ways, call, status, error, stream):
    caught = []
    for way in ways:
        with pytest.raises(error) as raised:
            call(way, f"answer with {status}", **({"stream": True} if stream else {}))
        caught.append(raised.value)
    direct, gateway = caught
    assert type(gateway) is type(direct)
    assert gateway.status_code == direct.status_code == status
    assert gateway.body == direct.body, "the provider's own error"
    assert str(gateway) == str(direct)
    # A client that is told to wait waits as long.
    kept = "retry-after"
    assert gateway.response.headers.get(kept) == direct.response.headers.get(kept)


@pytest.mark.parametrize("call", [chat, response, embeddings, message])
def test_fallback_serves_when_the_primary_is_down(ways, call):
    direct, gateway = ways
    text = "one text" if call is embeddings else "chat please"
    expected = plain(call(direct, text))
    family = FAMILIES[call]
    answer = call(gateway, text, f"{family}-down", raw=True)
    assert plain(answer.parse()) == expected
    headers = answer.headers
    assert headers["x-backstop-fallback"] == "overloaded"
    assert headers["x-backstop-workload"] == f"{family}-down"
    assert headers["x-backstop-route"] == family
    assert headers["x-backstop-attempts"] == "2"
    event = next(e for e in gateway.events() if e["id"] == headers["x-backstop-event"])
    assert (event["workload"], event["decision"]) == (f"{family}-down", "fallback")
    assert (event["class"], event["status"]) == ("overloaded", 503)


@pytest.mark.parametrize("call", [chat, response, message])
def test_fallback_serves_a_stream(ways, call):
    direct, gateway = ways
    family = FAMILIES[call]
    expected = [plain(event) for event in call(direct, "chat please", stream=True)]
    answer = call(gateway, "chat please", f"{family}-down", stream=True)
    assert answer.response.headers["x-backstop-fallback"] == "overloaded"
    assert [plain(event) for event in answer] == expected


GEMINI = [400, 401, 403, 404, 429, 500, 503]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", GEMINI)
def test_same_gemini_exception(ways, status, stream):
    caught = []
    for way in ways:
        with pytest.raises(gemini_errors.APIError) as raised:
            gemini(way, f"answer with {status}", stream=stream)
        caught.append(raised.value)
    direct, gateway = caught
    assert type(gateway) is type(direct)
    assert type(gateway) is (
        gemini_errors.ClientError if status < 500 else gemini_errors.ServerError
    )
    assert (gateway.code, gateway.status, gateway.message) == (
        direct.code,
        direct.status,
        direct.message,
    )
    assert gateway.details == direct.details, "the provider's own error"


@pytest.mark.parametrize("stream", [False, True])
def test_gemini_fallback(ways, stream):
    direct, gateway = ways
    expected = plain(gemini(direct, "chat please", stream=stream))
    answer = gemini(gateway, "chat please", "gemini-down", stream=stream)
    assert plain(answer) == expected
    headers = (answer[0] if stream else answer).sdk_http_response.headers
    assert headers["x-backstop-fallback"] == "overloaded"
    assert headers["x-backstop-route"] == "gemini"
    event = next(e for e in gateway.events() if e["id"] == headers["x-backstop-event"])
    assert (event["workload"], event["decision"]) == ("gemini-down", "fallback")


def test_a_gemini_stream_that_breaks_is_a_typed_error_and_keeps_the_text(ways):
    _, gateway = ways
    text = ""
    stream = gateway.gemini().models.generate_content_stream(model=MODEL, contents="break off")
    with pytest.raises(gemini_errors.APIError) as raised:
        for chunk in stream:
            text += chunk.text or ""
    assert text.startswith("Your parcel")
    assert "backstop" in str(raised.value.details)


def chat_words(chunk):
    return chunk.choices[0].delta.content or ""


def response_words(event):
    return event.delta if event.type == "response.output_text.delta" else ""


def message_words(event):
    return event.delta.text if event.type == "content_block_delta" else ""


@pytest.mark.parametrize(
    ("call", "words", "error"),
    [
        (chat, chat_words, openai.APIError),
        (response, response_words, openai.APIError),
        (message, message_words, anthropic.APIError),
    ],
)
def test_a_stream_that_breaks_is_a_typed_error_and_keeps_the_text(ways, call, words, error):
    _, gateway = ways
    text = ""
    with pytest.raises(error) as raised:
        for event in call(gateway, "break off", stream=True):
            text += words(event)
    assert text.startswith("Your parcel")
    assert raised.value.body, "the error event was read"
    assert "backstop" in str(raised.value.body)
