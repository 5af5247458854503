"""The same code of the same clients, straight to an independent provider and through the gateway.

Each case is run both ways and must give the same parsed result. What it also has to hold, so that two equally
wrong results do not pass, is asserted inside.
"""

import base64
import json

import pydantic
import pytest
from google.genai import types

from conformance import MODEL, plain, says

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "unit": {"type": "string"}},
    "required": ["city"],
}
LONG_START = "Your parcel 48213 left"


class Line(pydantic.BaseModel):
    text: str
    count: int


class Invoice(pydantic.BaseModel):
    number: str
    total: float
    lines: list[Line]


INVOICE = Invoice(number="A-17", total=12.5, lines=[Line(text="bolts", count=3)])


CASES = {}


def case(function):
    CASES[function.__name__] = function
    return function


# openai: chat completions

CHAT_TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": CITY}}]


@case
def chat(way):
    answer = way.openai().chat.completions.create(model=MODEL, messages=says("chat please"))
    assert answer.choices[0].message.content.startswith(LONG_START)
    return answer


@case
def chat_stream(way):
    stream = way.openai().chat.completions.create(
        model=MODEL,
        messages=says("chat please"),
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    assert len(chunks) > 5
    assert chunks[-1].usage
    return chunks


@case
def chat_stream_helper(way):
    with way.openai().chat.completions.stream(
        model=MODEL, messages=says("chat please")
    ) as stream:
        kinds = [event.type for event in stream]
        return kinds, stream.get_final_completion()


@case
def chat_tools(way):
    answer = way.openai().chat.completions.create(
        model=MODEL, messages=says("two tools please"), tools=CHAT_TOOLS
    )
    calls = answer.choices[0].message.tool_calls
    assert [call.function.name for call in calls] == ["get_weather", "get_time"]
    return answer


@case
def chat_tools_stream(way):
    with way.openai().chat.completions.stream(
        model=MODEL, messages=says("two tools please"), tools=CHAT_TOOLS
    ) as stream:
        answer = stream.get_final_completion()
    call = answer.choices[0].message.tool_calls[0]
    assert json.loads(call.function.arguments) == {"city": "Oslo", "unit": "c"}
    return answer


@case
def chat_tool_result(way):
    call = {"name": "get_weather", "arguments": '{"city":"Oslo"}'}
    answer = way.openai().chat.completions.create(
        model=MODEL,
        messages=[
            *says("What is the weather?"),
            {
                "role": "assistant",
                "tool_calls": [{"id": "call_weather", "type": "function", "function": call}],
            },
            {"role": "tool", "tool_call_id": "call_weather", "content": "4 C, rain"},
        ],
        tools=CHAT_TOOLS,
    )
    assert answer.choices[0].message.content == "4 degrees and rain."
    return answer


@case
def chat_structured(way):
    answer = way.openai().chat.completions.parse(
        model=MODEL, messages=says("invoice please"), response_format=Invoice
    )
    assert answer.choices[0].message.parsed == INVOICE
    return answer


@case
def chat_vision(way):
    answer = way.openai().chat.completions.create(
        model=MODEL,
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "picture please"},
                    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
                ],
            }
        ],
    )
    assert "cat" in answer.choices[0].message.content
    return answer


# openai: embeddings


@case
def embeddings_float(way):
    answer = way.openai("embeddings").embeddings.create(
        model=MODEL, input=["one text", "other text"], encoding_format="float"
    )
    assert len(answer.data) == 2
    return answer


@case
def embeddings_default(way):
    """The client asks for base64 by itself, and decodes it."""
    answer = way.openai("embeddings-base64").embeddings.create(model=MODEL, input="one text")
    assert answer.data[0].embedding == [0.25, -0.5, 0.125, 1]
    return answer


# openai: responses

RESPONSE_TOOLS = [{"type": "function", "name": "get_weather", "parameters": CITY, "strict": False}]


@case
def response(way):
    answer = way.openai("responses").responses.create(model=MODEL, input="chat please")
    assert answer.output_text.startswith(LONG_START)
    return answer


@case
def response_stream(way):
    stream = way.openai("responses").responses.create(
        model=MODEL, input="chat please", stream=True
    )
    events = list(stream)
    assert events[-1].type == "response.completed"
    return events


@case
def response_stream_helper(way):
    with way.openai("responses").responses.stream(model=MODEL, input="chat please") as stream:
        kinds = [event.type for event in stream]
        return kinds, stream.get_final_response()


@case
def response_tools(way):
    answer = way.openai("responses").responses.create(
        model=MODEL, input="two tools please", tools=RESPONSE_TOOLS
    )
    calls = [item for item in answer.output if item.type == "function_call"]
    assert [call.name for call in calls] == ["get_weather", "get_time"]
    return answer


@case
def response_tools_stream(way):
    with way.openai("responses").responses.stream(
        model=MODEL, input="one tool please", tools=RESPONSE_TOOLS
    ) as stream:
        answer = stream.get_final_response()
    assert json.loads(answer.output[0].arguments) == {"city": "Oslo", "unit": "c"}
    return answer


@case
def response_structured(way):
    answer = way.openai("responses").responses.parse(
        model=MODEL, input="invoice please", text_format=Invoice
    )
    assert answer.output_parsed == INVOICE
    return answer


@case
def response_vision(way):
    content = [
        {"type": "input_text", "text": "picture please"},
        {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}", "detail": "auto"},
    ]
    answer = way.openai("responses").responses.create(
        model=MODEL, input=[{"role": "user", "content": content}]
    )
    assert "cat" in answer.output_text
    return answer


# anthropic: messages

MESSAGE = {"model": MODEL, "max_tokens": 2048}
MESSAGE_TOOLS = [{"name": "get_weather", "input_schema": CITY}]
THINKING = {"type": "enabled", "budget_tokens": 1024}


@case
def message(way):
    answer = way.anthropic().messages.create(**MESSAGE, messages=says("chat please"))
    assert answer.content[0].text.startswith(LONG_START)
    return answer


@case
def message_stream(way):
    events = list(
        way.anthropic().messages.create(**MESSAGE, messages=says("chat please"), stream=True)
    )
    assert events[-1].type == "message_stop"
    return events


@case
def message_stream_helper(way):
    with way.anthropic().messages.stream(**MESSAGE, messages=says("chat please")) as stream:
        kinds = [event.type for event in stream]
        return kinds, stream.get_final_message()


@case
def message_tools(way):
    answer = way.anthropic().messages.create(
        **MESSAGE, messages=says("text and tool please"), tools=MESSAGE_TOOLS
    )
    assert answer.content[-1].input == {"city": "Oslo", "unit": "c"}
    return answer


@case
def message_tools_stream(way):
    with way.anthropic().messages.stream(
        **MESSAGE, messages=says("two tools please"), tools=MESSAGE_TOOLS
    ) as stream:
        answer = stream.get_final_message()
    assert [block.name for block in answer.content] == ["get_weather", "get_time"]
    return answer


@case
def message_thinking(way):
    answer = way.anthropic().messages.create(
        **MESSAGE, messages=says("think please"), thinking=THINKING
    )
    assert [block.type for block in answer.content] == ["thinking", "text"]
    return answer


@case
def message_thinking_stream(way):
    with way.anthropic().messages.stream(
        **MESSAGE, messages=says("think please"), thinking=THINKING
    ) as stream:
        answer = stream.get_final_message()
    assert answer.content[0].signature == "c2lnbmF0dXJl"
    return answer


@case
def message_structured(way):
    answer = way.anthropic().messages.parse(
        **MESSAGE, messages=says("invoice please"), output_format=Invoice
    )
    assert answer.parsed_output == INVOICE
    return answer


@case
def message_vision(way):
    source = {"type": "base64", "media_type": "image/png", "data": PIXEL}
    content = [{"type": "image", "source": source}, {"type": "text", "text": "picture please"}]
    answer = way.anthropic().messages.create(
        **MESSAGE, messages=[{"role": "user", "content": content}]
    )
    assert "cat" in answer.content[0].text
    return answer


@case
def message_count_tokens(way):
    """aimock does not serve this: the body is the one of the provider's documentation."""
    answer = way.anthropic().messages.count_tokens(model=MODEL, messages=says("chat please"))
    assert answer.input_tokens == 2095
    return answer


# google-genai

DECLARED = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(
            name="get_weather",
            parameters={"type": "OBJECT", "properties": {"city": {"type": "STRING"}}},
        )
    ]
)


@case
def gemini(way):
    answer = way.gemini().models.generate_content(model=MODEL, contents="chat please")
    assert answer.text.startswith(LONG_START)
    return answer


@case
def gemini_stream(way):
    stream = way.gemini().models.generate_content_stream(model=MODEL, contents="chat please")
    chunks = list(stream)
    assert len(chunks) > 5
    assert "".join(chunk.text or "" for chunk in chunks).startswith(LONG_START)
    return chunks


@case
def gemini_tools(way):
    answer = way.gemini().models.generate_content(
        model=MODEL,
        contents="two tools please",
        config=types.GenerateContentConfig(tools=[DECLARED]),
    )
    assert [call.name for call in answer.function_calls] == ["get_weather", "get_time"]
    return answer


@case
def gemini_tools_stream(way):
    chunks = list(
        way.gemini().models.generate_content_stream(
            model=MODEL,
            contents="one tool please",
            config=types.GenerateContentConfig(tools=[DECLARED]),
        )
    )
    calls = [call for chunk in chunks for call in chunk.function_calls or []]
    assert calls[0].args == {"city": "Oslo", "unit": "c"}
    return chunks


@case
def gemini_structured(way):
    answer = way.gemini().models.generate_content(
        model=MODEL,
        contents="invoice please",
        config=types.GenerateContentConfig(
            response_mime_type="application/json", response_schema=Invoice
        ),
    )
    assert answer.parsed == INVOICE
    return answer


@case
def gemini_vision(way):
    picture = types.Part.from_bytes(data=base64.b64decode(PIXEL), mime_type="image/png")
    answer = way.gemini().models.generate_content(
        model=MODEL, contents=[picture, "picture please"]
    )
    assert "cat" in answer.text
    return answer


@case
def gemini_thinking(way):
    answer = way.gemini().models.generate_content(
        model=MODEL,
        contents="think please",
        config=types.GenerateContentConfig(
            thinking_config=types.ThinkingConfig(include_thoughts=True)
        ),
    )
    assert answer.candidates[0].content.parts[0].thought
    return answer


@case
def gemini_count_tokens(way):
    """aimock does not serve this: the body is the one of the provider's documentation."""
    answer = way.gemini().models.count_tokens(model=MODEL, contents="chat please")
    assert answer.total_tokens == 31
    return answer


@pytest.mark.parametrize("name", CASES)
def test_same_result(ways, name):
    direct, gateway = ways
    run = CASES[name]
    expected = plain(run(direct))
    assert expected, "a case shows something"
    assert plain(run(gateway)) == expected


@pytest.mark.parametrize("version", [None, "v1", "v1beta"])
def test_gemini_whatever_the_version(ways, version):
    """The route's version is asked, whichever the client names."""
    direct, gateway = ways
    asked = {"model": MODEL, "contents": "chat please"}
    expected = plain(direct.gemini().models.generate_content(**asked))
    answer = gateway.gemini(version=version).models.generate_content(**asked)
    assert plain(answer) == expected


def test_models_are_listed_in_each_clients_form(ways):
    """A workload shows its own name; the list is the gateway's, so there is nothing to compare it with."""
    _, gateway = ways
    assert [model.id for model in gateway.openai("chat").models.list()] == ["chat"]
    assert [model.id for model in gateway.anthropic("messages").models.list()] == ["messages"]
    assert [model.name for model in gateway.gemini("gemini").models.list()] == ["models/gemini"]
