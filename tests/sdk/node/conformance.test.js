// The same code of the same clients, straight to an independent provider and through the gateway: the parsed results
// and the exceptions must be the same. What a result also has to hold, so that two equally wrong ones do not pass, is
// asserted inside each case.

"use strict";

const assert = require("node:assert/strict");
const { after, before, describe, test } = require("node:test");

const { Anthropic, ApiError, MODEL, OpenAI, all, plain, says, ways } = require("./support.js");

const PIXEL =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const CITY = {
  type: "object",
  properties: { city: { type: "string" }, unit: { type: "string" } },
  required: ["city"],
};
const INVOICE = {
  type: "object",
  properties: { number: { type: "string" }, total: { type: "number" } },
  required: ["number", "total"],
  additionalProperties: false,
};
const LONG_START = "Your parcel 48213 left";

let both;
before(async () => {
  both = await ways();
});
after(async () => {
  assert.equal(await both.stop(), 0, "the gateway ends well");
});

/** A case is run both ways. */
function same(name, run) {
  test(name, async () => {
    const expected = plain(await run(both.direct));
    assert.deepEqual(plain(await run(both.gateway)), expected);
  });
}

describe("openai: chat", () => {
  const tools = [{ type: "function", function: { name: "get_weather", parameters: CITY } }];
  const create = (way, text, more = {}) =>
    way.openai().chat.completions.create({ model: MODEL, messages: says(text), ...more });

  same("whole", async (way) => {
    const answer = await create(way, "chat please");
    assert.ok(answer.choices[0].message.content.startsWith(LONG_START));
    return answer;
  });
  same("stream", async (way) => {
    const chunks = await all(
      create(way, "chat please", { stream: true, stream_options: { include_usage: true } }),
    );
    assert.ok(chunks.length > 5 && chunks.at(-1).usage);
    return chunks;
  });
  same("stream helper", async (way) => {
    const stream = way.openai().chat.completions.stream({ model: MODEL, messages: says("chat please") });
    const answer = await stream.finalChatCompletion();
    assert.ok(answer.choices[0].message.content.startsWith(LONG_START));
    return answer;
  });
  same("tools", async (way) => {
    const answer = await create(way, "two tools please", { tools });
    assert.equal(answer.choices[0].message.tool_calls.length, 2);
    return answer;
  });
  same("tools, streamed", async (way) => {
    const stream = way
      .openai()
      .chat.completions.stream({ model: MODEL, messages: says("two tools please"), tools });
    const answer = await stream.finalChatCompletion();
    const [call] = answer.choices[0].message.tool_calls;
    assert.deepEqual(JSON.parse(call.function.arguments), { city: "Oslo", unit: "c" });
    return answer;
  });
  same("structured output", async (way) => {
    const answer = await way.openai().chat.completions.parse({
      model: MODEL,
      messages: says("invoice please"),
      response_format: {
        type: "json_schema",
        json_schema: { name: "invoice", schema: INVOICE, strict: true },
      },
    });
    assert.equal(JSON.parse(answer.choices[0].message.content).number, "A-17");
    return answer;
  });
  same("vision", async (way) => {
    const url = `data:image/png;base64,${PIXEL}`;
    const content = [{ type: "text", text: "picture please" }, { type: "image_url", image_url: { url } }];
    const answer = await way
      .openai()
      .chat.completions.create({ model: MODEL, messages: [{ role: "user", content }] });
    assert.match(answer.choices[0].message.content, /cat/);
    return answer;
  });
});

describe("openai: embeddings", () => {
  same("float", async (way) => {
    const answer = await way
      .openai("embeddings")
      .embeddings.create({ model: MODEL, input: ["one text", "other text"], encoding_format: "float" });
    assert.equal(answer.data.length, 2);
    return answer;
  });
  same("base64, as the client asks by itself", async (way) => {
    const answer = await way
      .openai("embeddings-base64")
      .embeddings.create({ model: MODEL, input: "one text" });
    assert.deepEqual([...answer.data[0].embedding], [0.25, -0.5, 0.125, 1]);
    return answer;
  });
});

describe("openai: responses", () => {
  const tools = [{ type: "function", name: "get_weather", parameters: CITY, strict: false }];
  const create = (way, text, more = {}) =>
    way.openai("responses").responses.create({ model: MODEL, input: text, ...more });

  same("whole", async (way) => {
    const answer = await create(way, "chat please");
    assert.ok(answer.output_text.startsWith(LONG_START));
    return answer;
  });
  same("stream", async (way) => {
    const events = await all(create(way, "chat please", { stream: true }));
    assert.equal(events.at(-1).type, "response.completed");
    return events;
  });
  same("stream helper", async (way) => {
    const stream = way.openai("responses").responses.stream({ model: MODEL, input: "chat please" });
    return stream.finalResponse();
  });
  same("tools", async (way) => {
    const answer = await create(way, "two tools please", { tools });
    assert.equal(answer.output.filter((item) => item.type === "function_call").length, 2);
    return answer;
  });
  same("tools, streamed", async (way) => {
    const stream = way
      .openai("responses")
      .responses.stream({ model: MODEL, input: "one tool please", tools });
    const answer = await stream.finalResponse();
    assert.deepEqual(JSON.parse(answer.output[0].arguments), { city: "Oslo", unit: "c" });
    return answer;
  });
  same("structured output", async (way) => {
    const answer = await way.openai("responses").responses.parse({
      model: MODEL,
      input: "invoice please",
      text: { format: { type: "json_schema", name: "invoice", schema: INVOICE, strict: true } },
    });
    assert.equal(JSON.parse(answer.output_text).number, "A-17");
    return answer;
  });
  same("vision", async (way) => {
    const content = [
      { type: "input_text", text: "picture please" },
      { type: "input_image", image_url: `data:image/png;base64,${PIXEL}`, detail: "auto" },
    ];
    const answer = await create(way, [{ role: "user", content }]);
    assert.match(answer.output_text, /cat/);
    return answer;
  });
});

describe("anthropic: messages", () => {
  const tools = [{ name: "get_weather", input_schema: CITY }];
  const thinking = { type: "enabled", budget_tokens: 1024 };
  const ask = (text, more = {}) => ({ model: MODEL, max_tokens: 2048, messages: says(text), ...more });
  const create = (way, text, more) => way.anthropic().messages.create(ask(text, more));
  const final = (way, text, more) => way.anthropic().messages.stream(ask(text, more)).finalMessage();

  same("whole", async (way) => {
    const answer = await create(way, "chat please");
    assert.ok(answer.content[0].text.startsWith(LONG_START));
    return answer;
  });
  same("stream", async (way) => {
    const events = await all(create(way, "chat please", { stream: true }));
    assert.equal(events.at(-1).type, "message_stop");
    return events;
  });
  same("stream helper", async (way) => {
    const answer = await final(way, "chat please");
    assert.ok(answer.content[0].text.startsWith(LONG_START));
    return answer;
  });
  same("tools", async (way) => {
    const answer = await create(way, "text and tool please", { tools });
    assert.deepEqual(answer.content.at(-1).input, { city: "Oslo", unit: "c" });
    return answer;
  });
  same("tools, streamed", async (way) => {
    const answer = await final(way, "two tools please", { tools });
    assert.deepEqual(answer.content.map((block) => block.name), ["get_weather", "get_time"]);
    return answer;
  });
  same("thinking", async (way) => {
    const answer = await create(way, "think please", { thinking });
    assert.deepEqual(answer.content.map((block) => block.type), ["thinking", "text"]);
    return answer;
  });
  same("thinking, streamed", async (way) => {
    const answer = await final(way, "think please", { thinking });
    assert.equal(answer.content[0].signature, "c2lnbmF0dXJl");
    return answer;
  });
  same("structured output", async (way) => {
    const answer = await way.anthropic().messages.parse(
      ask("invoice please", { output_config: { format: { type: "json_schema", schema: INVOICE } } }),
    );
    assert.equal(JSON.parse(answer.content[0].text).number, "A-17");
    return answer;
  });
  same("vision", async (way) => {
    const source = { type: "base64", media_type: "image/png", data: PIXEL };
    const content = [{ type: "image", source }, { type: "text", text: "picture please" }];
    const answer = await way
      .anthropic()
      .messages.create({ model: MODEL, max_tokens: 99, messages: [{ role: "user", content }] });
    assert.match(answer.content[0].text, /cat/);
    return answer;
  });
  same("count_tokens, whose body is the documentation's", async (way) => {
    const answer = await way.anthropic().messages.countTokens({ model: MODEL, messages: says("chat please") });
    assert.equal(answer.input_tokens, 2095);
    return answer;
  });
});

describe("google: gemini", () => {
  const tools = [
    {
      functionDeclarations: [
        { name: "get_weather", parameters: { type: "OBJECT", properties: { city: { type: "STRING" } } } },
      ],
    },
  ];
  const ask = (contents, config) => ({ model: MODEL, contents, config });
  const create = (way, ...asked) => way.gemini().models.generateContent(ask(...asked));
  const stream = (way, ...asked) => all(way.gemini().models.generateContentStream(ask(...asked)));

  same("whole", async (way) => {
    const answer = await create(way, "chat please");
    assert.ok(answer.text.startsWith(LONG_START));
    return answer;
  });
  same("stream", async (way) => {
    const chunks = await stream(way, "chat please");
    assert.ok(chunks.length > 5);
    return chunks;
  });
  same("tools", async (way) => {
    const answer = await create(way, "two tools please", { tools });
    assert.deepEqual(answer.functionCalls.map((call) => call.name), ["get_weather", "get_time"]);
    return answer;
  });
  same("tools, streamed", async (way) => {
    const chunks = await stream(way, "one tool please", { tools });
    const calls = chunks.flatMap((chunk) => chunk.functionCalls ?? []);
    assert.deepEqual(calls[0].args, { city: "Oslo", unit: "c" });
    return chunks;
  });
  same("structured output", async (way) => {
    const config = { responseMimeType: "application/json", responseJsonSchema: INVOICE };
    const answer = await create(way, "invoice please", config);
    assert.equal(JSON.parse(answer.text).number, "A-17");
    return answer;
  });
  same("vision", async (way) => {
    const inlineData = { mimeType: "image/png", data: PIXEL };
    const answer = await create(way, [{ inlineData }, { text: "picture please" }]);
    assert.match(answer.text, /cat/);
    return answer;
  });
  same("thinking", async (way) => {
    const answer = await create(way, "think please", { thinkingConfig: { includeThoughts: true } });
    assert.ok(answer.candidates[0].content.parts[0].thought);
    return answer;
  });
  same("countTokens, whose body is the documentation's", async (way) => {
    const answer = await way.gemini().models.countTokens(ask("chat please"));
    assert.equal(answer.totalTokens, 31);
    return answer;
  });

  for (const status of [400, 401, 403, 404, 429, 500, 503]) {
    test(`the same exception: ${status}`, async () => {
      const failed = (way) =>
        create(way, `answer with ${status}`).then(
          () => assert.fail("no exception"),
          (error) => error,
        );
      const direct = await failed(both.direct);
      const gateway = await failed(both.gateway);
      assert.equal(direct.constructor, ApiError);
      assert.equal(gateway.constructor, ApiError);
      assert.equal(gateway.status, status);
      assert.equal(gateway.message, direct.message);
    });
  }

  for (const streamed of [false, true]) {
    test(`the fallback serves when the primary is down${streamed ? ", streamed" : ""}`, async () => {
      const expected = plain(await (streamed ? stream : create)(both.direct, "chat please"));
      const models = both.gateway.gemini("gemini-down").models;
      const asked = ask("chat please");
      const answer = streamed
        ? await all(models.generateContentStream(asked))
        : await models.generateContent(asked);
      const { headers } = (streamed ? answer[0] : answer).sdkHttpResponse;
      assert.deepEqual(plain(answer), expected);
      assert.equal(headers["x-backstop-fallback"], "overloaded");
      const event = both.events().find((event) => event.id === headers["x-backstop-event"]);
      assert.deepEqual([event.workload, event.decision], ["gemini-down", "fallback"]);
    });
  }

  test("a stream that breaks is a typed error and keeps the text", async () => {
    let text = "";
    await assert.rejects(async () => {
      const chunks = await both.gateway.gemini().models.generateContentStream(ask("break off"));
      for await (const chunk of chunks) text += chunk.text ?? "";
    }, (error) => error.constructor === ApiError && /backstop/.test(error.message));
    assert.ok(text.startsWith("Your parcel"), text);
  });
});

const CALLS = {
  chat: (way, text, family = "chat", more = {}) =>
    way.openai(family).chat.completions.create({ model: MODEL, messages: says(text), ...more }),
  responses: (way, text, family = "responses", more = {}) =>
    way.openai(family).responses.create({ model: MODEL, input: text, ...more }),
  embeddings: (way, text, family = "embeddings") =>
    way.openai(family).embeddings.create({ model: MODEL, input: text, encoding_format: "float" }),
  messages: (way, text, family = "messages", more = {}) =>
    way.anthropic(family).messages.create({ model: MODEL, max_tokens: 99, messages: says(text), ...more }),
};

const ERRORS = {
  400: "BadRequestError",
  401: "AuthenticationError",
  403: "PermissionDeniedError",
  404: "NotFoundError",
  409: "ConflictError",
  422: "UnprocessableEntityError",
  429: "RateLimitError",
  500: "InternalServerError",
  503: "InternalServerError",
  529: "InternalServerError",
};

describe("the same exception", () => {
  for (const [family, call] of Object.entries(CALLS)) {
    for (const [status, kind] of Object.entries(ERRORS)) {
      for (const stream of family === "embeddings" ? [false] : [false, true]) {
        test(`${family} ${status}${stream ? ", stream asked" : ""}`, async () => {
          const more = stream ? { stream: true } : {};
          const failed = async (way) => {
            try {
              await call(way, `answer with ${status}`, family, more);
            } catch (error) {
              return error;
            }
            return assert.fail("no exception");
          };
          const direct = await failed(both.direct);
          const gateway = await failed(both.gateway);
          const client = family === "messages" ? Anthropic : OpenAI;
          assert.ok(direct instanceof client[kind], `${direct}`);
          assert.equal(gateway.constructor, direct.constructor);
          assert.equal(gateway.status, Number(status));
          assert.equal(gateway.message, direct.message);
          assert.deepEqual(gateway.error, direct.error, "the provider's own error");
          const wait = "retry-after";
          assert.equal(gateway.headers.get(wait), direct.headers.get(wait));
        });
      }
    }
  }
});

describe("the fallback serves when the primary is down", () => {
  for (const [family, call] of Object.entries(CALLS)) {
    for (const stream of family === "embeddings" ? [false] : [false, true]) {
      test(`${family}${stream ? ", streamed" : ""}`, async () => {
        const text = family === "embeddings" ? "one text" : "chat please";
        const more = stream ? { stream: true } : {};
        const read = async (answer) => plain(stream ? await all(answer) : answer);
        const expected = await read(await call(both.direct, text, family, more));
        const down = `${family}-down`;
        const { data, response } = await call(both.gateway, text, down, more).withResponse();
        assert.deepEqual(await read(data), expected);
        const { headers } = response;
        assert.equal(headers.get("x-backstop-fallback"), "overloaded");
        assert.equal(headers.get("x-backstop-workload"), down);
        assert.equal(headers.get("x-backstop-route"), family);
        const id = headers.get("x-backstop-event");
        const event = both.events().find((event) => event.id === id);
        assert.deepEqual(
          [event.workload, event.decision, event.class, event.status],
          [down, "fallback", "overloaded", 503],
        );
      });
    }
  }
});

describe("a stream that breaks is a typed error and keeps the text", () => {
  const words = {
    chat: (chunk) => chunk.choices[0].delta.content ?? "",
    responses: (event) => (event.type === "response.output_text.delta" ? event.delta : ""),
    messages: (event) => (event.type === "content_block_delta" ? event.delta.text : ""),
  };
  for (const [family, read] of Object.entries(words)) {
    test(family, async () => {
      let text = "";
      const client = family === "messages" ? Anthropic : OpenAI;
      await assert.rejects(
        async () => {
          const stream = await CALLS[family](both.gateway, "break off", family, { stream: true });
          for await (const event of stream) text += read(event);
        },
        (error) => error instanceof client.APIError && /backstop/.test(JSON.stringify(error.error)),
      );
      assert.ok(text.startsWith("Your parcel"), text);
    });
  }
});

test("a workload shows its own name in each client's form", async () => {
  const openai = await all(both.gateway.openai("chat").models.list());
  assert.deepEqual(openai.map((model) => model.id), ["chat"]);
  const anthropic = await all(both.gateway.anthropic("messages").models.list());
  assert.deepEqual(anthropic.map((model) => model.id), ["messages"]);
  const gemini = await all(both.gateway.gemini("gemini").models.list());
  assert.deepEqual(gemini.map((model) => model.name), ["models/gemini"]);
});
