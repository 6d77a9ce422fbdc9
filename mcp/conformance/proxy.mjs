// Runs a program beside a proxy of the gateway at TODOSTACK_URL that adds TODOSTACK_TOKEN to each request, for
// clients that can send none: `proxy.mjs PROGRAM`, which finds its address in MCP_URL. Everything else goes
// through as it is, `Host` and `Origin` too.
import { spawn } from "node:child_process";
import http from "node:http";

const { TODOSTACK_URL, TODOSTACK_TOKEN } = process.env;
const gateway = new URL(TODOSTACK_URL);

const proxy = http.createServer((request, response) => {
  const { method, url, headers } = request;
  const passed = http.request(
    {
      host: gateway.hostname,
      port: gateway.port,
      method,
      path: url,
      headers: { ...headers, authorization: `Bearer ${TODOSTACK_TOKEN}` },
    },
    (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    },
  );
  passed.on("error", () => response.destroy());
  request.pipe(passed);
});

proxy.listen(0, "127.0.0.1", () => {
  const env = { ...process.env, MCP_URL: `http://localhost:${proxy.address().port}/mcp` };
  const [program, ...rest] = process.argv.slice(2);
  spawn(program, rest, { env, stdio: "inherit" }).on("exit", (code) => process.exit(code ?? 1));
});
