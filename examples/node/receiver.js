// Receives callbacks as a program under test would.
import { once } from "node:events";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import twilio from "twilio";

// startReceiver starts a server that accepts callbacks which are signed with the token, and collects the statuses that they report.
export async function startReceiver(authToken) {
  const statuses = [];
  const server = createServer(async (request, response) => {
    const form = Object.fromEntries(new URLSearchParams(await text(request)));
    const url = `http://${request.headers.host}${request.url}`;
    const valid = twilio.validateRequest(authToken, request.headers["x-twilio-signature"], url, form);
    if (valid) statuses.push(form.Status);
    response.writeHead(valid ? 204 : 403).end();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return { url: `http://127.0.0.1:${server.address().port}/status`, statuses, stop: () => server.close() };
}
