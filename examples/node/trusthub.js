// Starts a Trust Hub for a test, lets Twilio's SDK call it, and lets the test control it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import twilio from "twilio";

// The SDK has no setting for the host of an API. Its HTTP client can be replaced: this one changes the host of each request.
class LocalClient extends twilio.RequestClient {
  constructor(baseUrl) {
    super();
    this.baseUrl = baseUrl;
  }

  request(options) {
    const uri = options.uri.replace("https://trusthub.twilio.com", this.baseUrl);
    return super.request({ ...options, uri });
  }
}

// startTrustHub starts a server on a free port, with a temporary database. The server stops when this process ends, or with stop.
// The program is the one in the environment variable TRUSTHUB, or in PATH.
export async function startTrustHub() {
  const program = process.env.TRUSTHUB ?? "trusthub";
  const server = spawn(program, ["serve", "--test"], { stdio: ["pipe", "pipe", "inherit"] });
  const exited = once(server, "exit"); // rejects if the program cannot be started
  const ready = once(createInterface(server.stdout), "line");
  const [line] = await Promise.race([ready, exited.then(() => Promise.reject(new Error("trusthub stopped while it started")))]);
  const { base_url: baseUrl, account_sid: accountSid, auth_token: authToken, operator_token: operatorToken } = JSON.parse(line);

  const control = async (path, body) => {
    const headers = { Authorization: `Bearer ${operatorToken}`, "Content-Type": "application/json" };
    const response = await fetch(`${baseUrl}/operator/v1/test/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
  };
  return {
    client: twilio(accountSid, authToken, { httpClient: new LocalClient(baseUrl) }),
    authToken,
    // Moves the clock. What becomes due on the way (reviews, callbacks, expiry) has been done when it returns.
    advance: (seconds) => control("clock/advance", { seconds }),
    // Makes the next count requests fail: { status: 503 }, { delay_ms: 2000 } or { drop: "before" }, see docs/operating.md.
    inject: (count, fault) => control("faults", { count, ...fault }),
    // Deletes everything but the account.
    reset: () => control("reset", { to: "empty" }),
    stop: async () => {
      server.stdin.end();
      await exited;
    },
  };
}
