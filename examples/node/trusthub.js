// Starts a Trust Hub for a test, and lets Twilio's SDK call it.
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

// startTrustHub starts a server on a free port, with a temporary database, and returns a client for it and a function that
// stops it. The server also stops when this process ends. Reviews take 10 ms. The program is the one in the environment variable
// TRUSTHUB, or in PATH.
export async function startTrustHub() {
  const program = process.env.TRUSTHUB ?? "trusthub";
  const server = spawn(program, ["serve", "--test", "--review-delay", "10ms"], { stdio: ["pipe", "pipe", "inherit"] });
  const exited = once(server, "exit"); // rejects if the program cannot be started
  const ready = once(createInterface(server.stdout), "line");
  const [line] = await Promise.race([ready, exited.then(() => Promise.reject(new Error("trusthub stopped while it started")))]);

  const { base_url: baseUrl, account_sid: accountSid, auth_token: authToken } = JSON.parse(line);
  const client = twilio(accountSid, authToken, { httpClient: new LocalClient(baseUrl) });
  const stop = async () => {
    server.stdin.end();
    await exited;
  };
  return { client, stop };
}
