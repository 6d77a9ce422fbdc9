// What is tried on the MCP server at MCP_URL, and on the one that TODOSTACK_COMMAND is.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const { MCP_URL, TODOSTACK_COMMAND, TODOSTACK_TOKEN, TODOSTACK_URL } = process.env;
// No key ring: there is nothing to keep.
const ENV = { ...process.env, MCP_INSPECTOR_SECRET_STORE: "memory" };
// The inspector's exit code for a result that says that it is an error.
const REFUSED = 5;
const MAX_BUFFER = 64 * 1024 * 1024;

// The official suite; only what expected-failures.yml names may fail, and must.
async function conformance() {
  const expected = join(import.meta.dirname, "expected-failures.yml");
  const results = mkdtempSync(join(tmpdir(), "mcp-conformance-"));
  const args = ["server", "--url", MCP_URL, "--expected-failures", expected, "--output-dir", results];
  try {
    const { stdout } = await run("conformance", args, { maxBuffer: MAX_BUFFER });
    console.log(stdout.slice(stdout.indexOf("=== SUMMARY")).trim());
  } catch (failure) {
    console.error(failure.stdout, failure.stderr);
    throw new Error("the conformance suite found something");
  } finally {
    rmSync(results, { recursive: true });
  }
}

// What the official inspector is answered, by the server that `at` says how to reach.
async function inspect(at, method, ...args) {
  const all = ["--cli", ...at, "--method", method, ...args];
  try {
    const { stdout } = await run("mcp-inspector", all, { env: ENV, maxBuffer: MAX_BUFFER });
    return JSON.parse(stdout);
  } catch (failure) {
    if (failure.code === REFUSED) return JSON.parse(failure.stdout);
    throw new Error(`${all.join(" ")}: ${failure.message}\n${failure.stdout}`);
  }
}

async function inspector(at) {
  const id = randomUUID();
  const call = (tool, ...args) =>
    inspect(at, "tools/call", "--tool-name", tool, ...args.flatMap((arg) => ["--tool-arg", arg]));

  const { tools } = await inspect(at, "tools/list", "--strict");
  assert(tools.length > 15 && tools.every((tool) => tool.outputSchema && tool.annotations));
  const { structuredContent: page } = await call("list_tasks", "limit=5");
  assert.equal(page.items[0].title, "Water the cactus");
  const refused = await call("list_tasks", "limit=0");
  assert.match(refused.content[0].text, /limit: must be a number from 1 to 200/);
  const { structuredContent: made } = await call("quick_add", "line=Buy milk", `id=${id}`);
  assert.equal(made.task.title, "Buy milk");
  assert.deepEqual((await call("delete_task", `id=${id}`)).structuredContent, { id });
  assert.equal((await call("restore_task", `id=${id}`)).structuredContent.title, "Buy milk");
  await call("delete_task", `id=${id}`);
  const { resources } = await inspect(at, "resources/list");
  const { contents } = await inspect(at, "resources/read", "--uri", resources[0].uri);
  assert.equal(JSON.parse(contents[0].text).task.title, "Water the cactus");
  const { resourceTemplates } = await inspect(at, "resources/templates/list");
  assert.equal(resourceTemplates[0].uriTemplate, "todostack://tasks/{id}");
  const { prompts } = await inspect(at, "prompts/list");
  for (const { name } of prompts) {
    const { messages } = await inspect(at, "prompts/get", "--prompt-name", name);
    assert.equal(messages[0].role, "user");
  }
}

// The servers as clients are told of them: the token stands in a file, not among arguments.
async function inspectors() {
  const folder = mkdtempSync(join(tmpdir(), "mcp-inspector-"));
  const config = join(folder, "mcp.json");
  const mcpServers = {
    http: { type: "streamable-http", url: MCP_URL },
    stdio: { command: TODOSTACK_COMMAND, args: ["mcp"], env: { TODOSTACK_TOKEN, TODOSTACK_URL } },
  };
  writeFileSync(config, JSON.stringify({ mcpServers }), { mode: 0o600 });
  try {
    for (const server of Object.keys(mcpServers)) {
      await inspector(["--config", config, "--server", server]);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

await conformance();
await inspectors();
console.log("inspector: both transports passed");
