// Tests that move the clock instead of waiting for reviews. Run them with `npm install && npm test`. The first is also there in
// Go: api/apitest/example_reset_test.go.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { startReceiver } from "./receiver.js";
import { startTrustHub } from "./trusthub.js";

let hub, receiver, products;
before(async () => {
  hub = await startTrustHub();
  receiver = await startReceiver(hub.authToken);
  products = hub.client.trusthub.v1.trustProducts;
});
afterEach(async () => {
  await hub.reset();
  receiver.statuses.length = 0;
});
after(async () => {
  receiver.stop();
  await hub.stop();
});

// register creates a Trust Product, submits it and returns its SID.
async function register(email) {
  const { sid } = await products.create({
    friendlyName: "Acme", email, policySid: "RN7a97559effdf62d00f4298208492a5ea", statusCallback: receiver.url,
  });
  await products(sid).update({ status: "pending-review" });
  return sid;
}

test("a business is approved", { timeout: 20_000 }, async () => {
  const sid = await register("compliance@acme.example");

  await hub.advance(60); // a minute: the review is over, and the callbacks have arrived
  assert.deepEqual(receiver.statuses, ["pending-review", "in-review", "twilio-approved"]);

  await hub.inject(1, { status: 503 }); // the next request is refused
  await assert.rejects(products(sid).fetch(), { status: 503, code: 20503 });
  assert.equal((await products(sid).fetch()).status, "twilio-approved");

  await hub.reset(); // nothing is left
  assert.deepEqual(await products.list(), []);
});

test("a business is rejected", { timeout: 20_000 }, async () => {
  const sid = await register("compliance+reject-18601@acme.example");
  await hub.advance(60);
  const { status, errors } = await products(sid).fetch();
  assert.equal(status, "twilio-rejected");
  assert.equal(errors[0].code, 18601);
});

test("an evaluation tells what is missing", { timeout: 20_000 }, async () => {
  const policySid = "RNf3db3cd1fe25fcfd3c3ded065c8fea53"; // CNAM
  const { sid } = await products.create({ friendlyName: "Acme", email: "compliance@acme.example", policySid });
  const caller = await hub.client.trusthub.v1.endUsers.create({
    friendlyName: "Acme", type: "cnam_information", attributes: { cnam_display_name: "Acme" },
  });
  await products(sid).trustProductsEntityAssignments.create({ objectSid: caller.sid });
  const { status, results } = await products(sid).trustProductsEvaluations.create({ policySid });
  assert.equal(status, "noncompliant");
  const missing = results.filter((result) => !result.passed);
  assert.deepEqual(missing.map((result) => result.requirement_name), ["customer_profile"]);
});
