// An independent provider for the conformance tests: aimock, with answers that are the same each time.
//
// Prints its base URL and serves until its standard input ends. What aimock does not serve is mounted here with
// the body that the provider's documentation shows: Anthropic's count_tokens, Gemini's countTokens, embeddings in base64. Those rows prove that the clients read through the gateway what they read without it, and no more.

"use strict";

const { LLMock } = require("@copilotkit/aimock");

const LONG =
  "Your parcel 48213 left the warehouse this morning. It should be with you by Thursday evening; " +
  "you can follow it under the link in the mail. \u00fcml\u00e4ut, \u65e5\u672c\u8a9e, \ud83d\ude80, \"quotes\" and \\ too.\n\nAnything else?";
const WEATHER = { name: "get_weather", arguments: '{"city":"Oslo","unit":"c"}', id: "call_weather" };
const CLOCK = { name: "get_time", arguments: '{"zone":"Europe/Oslo"}', id: "call_clock" };
const INVOICE = { number: "A-17", total: 12.5, lines: [{ text: "bolts", count: 3 }] };

// What a provider says with each status, as its documentation lists it.
const ERRORS = {
  400: { message: "This is not a request.", type: "invalid_request_error", code: "invalid_value" },
  401: { message: "Incorrect API key provided.", type: "authentication_error", code: "invalid_api_key" },
  403: { message: "Not from this region.", type: "permission_error", code: "unsupported_country_region_territory" },
  404: { message: "The model does not exist.", type: "not_found_error", code: "model_not_found" },
  409: { message: "Try again.", type: "conflict_error", code: "conflict" },
  413: { message: "Too much.", type: "request_too_large", code: "request_too_large" },
  422: { message: "Not processable.", type: "invalid_request_error", code: "unprocessable" },
  429: { message: "Slow down.", type: "rate_limit_error", code: "rate_limit_exceeded" },
  500: { message: "Something broke.", type: "api_error", code: "server_error" },
  503: { message: "Come back later.", type: "overloaded_error", code: "server_is_overloaded" },
  529: { message: "Overloaded.", type: "overloaded_error", code: "overloaded" },
};

const mock = new LLMock({ port: 0, host: "127.0.0.1", strict: true, logLevel: "silent", chunkSize: 12 });

// The primary of the fallback tests is down, whatever it is asked.
mock.on({ model: "down" }, { error: ERRORS[503], status: 503 });
for (const [status, error] of Object.entries(ERRORS)) {
  mock.onMessage(`answer with ${status}`, { error, status: Number(status), retryAfter: 7 });
  mock.onEmbedding(`answer with ${status}`, { error, status: Number(status), retryAfter: 7 });
}
// Some of the answer is there before it breaks.
mock.onMessage("break off", { content: LONG }, { truncateAfterChunks: 6, latency: 5 });
mock.onMessage("chat please", { content: LONG });
// What a terminal could obey, and what only looks like a letter.
mock.onMessage("hostile please", {
  content: "a\u001b[2Jb\u001b]0;title\u0007\tc\u009b31m \u202eright\u2066 \u200bz e\u0301\u0301 \ud83d\udc69\u200d\ud83d\udcbb\nend \ufeff" + "x".repeat(5000),
});
mock.onMessage("one tool please", { toolCalls: [WEATHER] });
mock.onMessage("two tools please", { toolCalls: [WEATHER, CLOCK] });
mock.onMessage("text and tool please", { content: "Let me look.", toolCalls: [WEATHER] });
mock.onMessage("invoice please", { content: JSON.stringify(INVOICE) });
mock.onMessage("picture please", { content: "A cat on a chair." });
mock.onMessage("think please", {
  content: "It is 42.",
  reasoning: "Six times seven, and nothing else fits.",
  reasoningSignature: "c2lnbmF0dXJl",
});
mock.on({ toolCallId: "call_weather" }, { content: "4 degrees and rain." });
mock.onEmbedding("one text", { embedding: [0.25, -0.5, 0.125, 1] });
mock.onEmbedding("other text", { embedding: [1, 2, 3, 4] });

const VECTOR = Buffer.from(new Float32Array([0.25, -0.5, 0.125, 1]).buffer).toString("base64");
const documented = {
  "/base64/v1/embeddings": {
    object: "list",
    data: [{ object: "embedding", index: 0, embedding: VECTOR }],
    model: "test-model",
    usage: { prompt_tokens: 2, total_tokens: 2 },
  },
  "/v1/messages/count_tokens": { input_tokens: 2095 },
  "/v1beta/models/test-model:countTokens": {
    totalTokens: 31,
    promptTokensDetails: [{ modality: "TEXT", tokenCount: 31 }],
  },
};
for (const [path, answer] of Object.entries(documented)) {
  mock.mount(path, {
    async handleRequest(request, response) {
      for await (const _ of request);
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify(answer));
      return true;
    },
  });
}

// Answers that begin and do not end, and how many of them their client has left: under /slow.
const slow = { begun: 0, left: 0 };
for (const path of ["/slow/v1/chat/completions", "/slow/v1/messages"]) {
  mock.mount(path, {
    async handleRequest(request, response) {
      for await (const _ of request);
      response.writeHead(200, { "content-type": "text/event-stream" });
      const more = setInterval(() => response.write(": still here\n\n"), 20);
      response.on("close", () => {
        clearInterval(more);
        slow.left += 1;
      });
      slow.begun += 1;
      return true;
    },
  });
}
mock.mount("/slow/seen", {
  async handleRequest(_, response) {
    response.end(JSON.stringify(slow));
    return true;
  },
});

mock.start().then((url) => {
  console.log(url);
  process.stdin.resume();
  process.stdin.on("end", () => mock.stop().then(() => process.exit(0)));
});
