"""A test with only Python's standard library. Run it with `python3 -m unittest`."""

import base64
import json
import time
import unittest
import urllib.parse
import urllib.request

from trusthub import start_trust_hub


class TrustProducts(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(start_trust_hub())

    def call(self, path, **form):
        """Posts the form, or gets the resource if there is no form, and returns the response."""
        data = urllib.parse.urlencode(form).encode() if form else None
        request = urllib.request.Request(self.server.base_url + path, data)
        credentials = f"{self.server.account_sid}:{self.server.auth_token}".encode()
        request.add_header("Authorization", "Basic " + base64.b64encode(credentials).decode())
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def register(self, email):
        """Creates a Trust Product, submits it and returns it after the review."""
        product = self.call(
            "/v1/TrustProducts", FriendlyName="Acme", Email=email, PolicySid="RN7a97559effdf62d00f4298208492a5ea"
        )
        path = "/v1/TrustProducts/" + product["sid"]
        self.call(path, Status="pending-review")
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            product = self.call(path)
            if product["status"] in ("twilio-approved", "twilio-rejected"):
                return product
            time.sleep(0.02)
        self.fail("not decided within 20 seconds")

    def test_approved(self):
        self.assertEqual("twilio-approved", self.register("compliance@acme.example")["status"])

    def test_rejected(self):
        product = self.register("compliance+reject-18601@acme.example")
        self.assertEqual("twilio-rejected", product["status"])
        self.assertEqual([18601], [error["code"] for error in product["errors"]])


if __name__ == "__main__":
    unittest.main()
