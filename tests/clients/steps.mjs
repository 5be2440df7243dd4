// The documents' JavaScript snippet, over the platform's own WebSocket. Usage: steps.mjs URL RUNTIME LANGUAGE PROGRAM.
import assert from "node:assert/strict";

const [url, runtimeType, language, program] = process.argv.slice(2);
const python = language === "python";
const [file, content] = python ? ["app.py", "print('hello ü', 42)"] : ["app.js", "console.log('hello ü', 42)"];
const ws = new WebSocket(url);
const waiting = new Map();
let last = 0;

ws.onmessage = ({ data }) => {
  assert.equal(typeof data, "string");
  const message = JSON.parse(data);
  if (message.method) return heard.push(message);
  waiting.get(message.id)?.(message);
  waiting.delete(message.id);
};
const heard = [];
ws.onerror = (event) => { console.error(event.message ?? "the socket failed"); process.exit(1); };
await new Promise((resolve) => { ws.onopen = resolve; });

function call(method, params) {
  const id = ++last;
  ws.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }, null, 2));
  return new Promise((resolve) => waiting.set(id, resolve)).then((answer) => {
    assert.ok(!answer.error, JSON.stringify(answer.error));
    return answer.result;
  });
}

const { sessionId } = await call("session.create", { language, runtimeType });
const execute = (command, more) => call("session.execute", { sessionId, command, ...more });
await execute({ type: "write_file", path: file, content });
const args = program === "deno" ? ["run", file] : [file];
const ran = await execute({ type: "execute_shell", commandName: program, args });
assert.equal(ran.result.stdout, "hello ü 42\n");

// A stream, while others are answered.
const script = "for i in 1 2 3; do echo line $i; done; read x; echo got $x";
const running = execute(
  { type: "execute_shell", commandName: "sh", args: ["-c", script] },
  { stream: true, interactive: true, executionId: "mine" },
);
while (!heard.some((m) => m.method === "session.output" && m.params.data.includes("line 3"))) {
  await call("session.list", {});
}
await call("session.input", { executionId: "mine", data: "über\n", eof: true });
const streamed = await running;
const told = heard.filter((m) => m.method === "session.output").map((m) => m.params.data).join("");
assert.equal(told, streamed.result.stdout);
assert.ok(told.endsWith("got über\n"), told);
const seqs = heard.filter((m) => m.params.executionId === "mine").map((m) => m.params.seq);
assert.deepEqual(seqs, [...seqs].sort((a, b) => a - b));

assert.equal((await call("session.close", { sessionId })).closed, true);
ws.close();
console.log("ok");
