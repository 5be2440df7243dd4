// A server and a request to it, over the session's own loopback: no network is needed.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const server = createServer((request, response) => {
  response.writeHead(200, { "content-type": "text/plain", connection: "close" });
  response.end(`you asked for ${request.url}`);
});

server.listen(0, "127.0.0.1", async () => {
  const { port } = server.address() as AddressInfo;
  const answer = await fetch(`http://127.0.0.1:${port}/greeting`);
  console.log(answer.status, await answer.text());
  server.close();
});
