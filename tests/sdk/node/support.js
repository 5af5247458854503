// The two ways to an independent provider, aimock: straight, and through the gateway. The clients are the unmodified
// ones; of what they are told, only the base URL differs.

"use strict";

const { execFileSync, spawn } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const readline = require("node:readline");

const { default: Anthropic } = require("@anthropic-ai/sdk");
const { ApiError, GoogleGenAI } = require("@google/genai");
const { default: OpenAI } = require("openai");

const BINARY = path.resolve(process.env.BACKSTOP_BINARY ?? "target/debug/backstop");
const DEADLINE = 60_000;
const MODEL = "test-model";

/** Starts a program that says on one of its lines where it serves. */
function start(command, options, stream, find) {
  const child = spawn(command, options, { stdio: ["pipe", "pipe", "pipe"] });
  child.stdout.resume();
  child.stderr.resume();
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error(`${command} did not say where it serves`));
    }, DEADLINE);
    child.on("exit", (code) => reject(new Error(`${command} ended with ${code}`)));
    readline.createInterface({ input: child[stream] }).on("line", (line) => {
      const place = find(line);
      if (place) {
        clearTimeout(late);
        resolve({ child, place });
      }
    });
  });
}

/** Ends it as an operator, or the end of its input, would; its exit code. */
function stop({ child }) {
  return new Promise((resolve) => {
    child.removeAllListeners("exit");
    child.on("exit", (code) => resolve(code));
    child.stdin.end();
    child.kill("SIGTERM");
  });
}

/** The clients for one way, by family. */
class Way {
  constructor(base) {
    this.base = base;
  }

  openai(family = "chat") {
    const options = { apiKey: "test-key", maxRetries: 0, timeout: DEADLINE };
    return new OpenAI({ baseURL: `${this.base(family)}/v1`, ...options });
  }

  anthropic(family = "messages") {
    const options = { apiKey: "test-key", maxRetries: 0, timeout: DEADLINE };
    return new Anthropic({ baseURL: this.base(family), ...options });
  }

  gemini(family = "gemini") {
    return new GoogleGenAI({ apiKey: "test-key", httpOptions: { baseUrl: this.base(family) } });
  }
}

/** aimock, the way straight to it, and a gateway with `conformance.toml` and the way through it. */
async function ways() {
  const provider = await start("node", [path.join(__dirname, "provider.js")], "stdout", (line) =>
    line.startsWith("http") ? line : null,
  );
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "backstop-conformance-"));
  const config = path.join(directory, "backstop.toml");
  const template = fs.readFileSync(path.join(__dirname, "..", "conformance.toml"), "utf8");
  fs.writeFileSync(config, template.replaceAll("PROVIDER", provider.place));
  const gateway = await start(BINARY, ["--config", config, "serve", "--log-json"], "stderr", (line) =>
    JSON.parse(line).address,
  );
  const base64 = (family) => (family === "embeddings-base64" ? "/base64" : "");
  return {
    direct: new Way((family) => provider.place + base64(family)),
    gateway: new Way((family) => `http://${gateway.place}/w/${family}`),
    events() {
      const lines = execFileSync(BINARY, ["--config", config, "events", "--limit", "0", "--json"]);
      return lines.toString().split("\n").filter(Boolean).map((line) => JSON.parse(line));
    },
    async stop() {
      const code = await stop(gateway);
      await stop(provider);
      fs.rmSync(directory, { recursive: true });
      return code;
    },
  };
}

// What aimock makes up anew for each answer.
const MADE_UP = /\b(chatcmpl|resp|msg|fc|rs|req|call|toolu)[-_][A-Za-z0-9_-]{14,}/g;
const WHEN = new Set(["created", "created_at", "completed_at"]);

/** A parsed answer as data, without what the provider makes up, when it was, and the HTTP exchange. */
function plain(value) {
  const text = JSON.stringify(value, (key, item) => {
    if (WHEN.has(key)) return 0;
    if (key === "sdkHttpResponse" || key === "_request_id") return undefined;
    return typeof item === "string" ? item.replaceAll(MADE_UP, "$1") : item;
  });
  return JSON.parse(text);
}

/** Everything a stream gives. */
async function all(stream) {
  const events = [];
  for await (const event of await stream) events.push(event);
  return events;
}

const says = (text) => [{ role: "user", content: text }];

module.exports = { Anthropic, ApiError, MODEL, OpenAI, all, plain, says, ways };
