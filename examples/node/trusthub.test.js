// A test with three businesses: one is approved, one is rejected because its e-mail address asks for it, and one lacks
// something. Run it with `npm install && npm test`.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { startTrustHub } from "./trusthub.js";

let client, stop;
before(async () => ({ client, stop } = await startTrustHub()));
after(() => stop());

// register creates a Trust Product, submits it and returns it after the review.
async function register(email) {
  const products = client.trusthub.v1.trustProducts;
  const { sid } = await products.create({ friendlyName: "Acme", email, policySid: "RN7a97559effdf62d00f4298208492a5ea" });
  await products(sid).update({ status: "pending-review" });
  for (;;) {
    const product = await products(sid).fetch();
    if (product.status === "twilio-approved" || product.status === "twilio-rejected") return product;
    await setTimeout(20);
  }
}

test("a business is approved", { timeout: 20_000 }, async () => {
  const product = await register("compliance@acme.example");
  assert.equal(product.status, "twilio-approved");
  assert.ok(product.validUntil > new Date());
});

test("a business is rejected", { timeout: 20_000 }, async () => {
  const product = await register("compliance+reject-18601@acme.example");
  assert.equal(product.status, "twilio-rejected");
  assert.equal(product.errors[0].code, 18601);
});

test("an evaluation tells what is missing", { timeout: 20_000 }, async () => {
  const { trustProducts, endUsers } = client.trusthub.v1;
  const policySid = "RNf3db3cd1fe25fcfd3c3ded065c8fea53"; // CNAM
  const { sid } = await trustProducts.create({ friendlyName: "Acme", email: "compliance@acme.example", policySid });
  const caller = await endUsers.create({
    friendlyName: "Acme", type: "cnam_information", attributes: { cnam_display_name: "Acme" },
  });
  await trustProducts(sid).trustProductsEntityAssignments.create({ objectSid: caller.sid });
  const { status, results } = await trustProducts(sid).trustProductsEvaluations.create({ policySid });
  assert.equal(status, "noncompliant");
  const missing = results.filter((result) => !result.passed);
  assert.deepEqual(missing.map((result) => result.requirement_name), ["customer_profile"]);
});
