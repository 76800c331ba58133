"""A test with only Python's standard library. Run it with `python3 -m unittest`."""

import base64
import json
import unittest
import urllib.error
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
        self.server.control("clock/advance", seconds=60)  # a minute: the review is over
        return self.call(path)

    def test_approved(self):
        self.assertEqual("twilio-approved", self.register("compliance@acme.example")["status"])

    def test_rejected(self):
        product = self.register("compliance+reject-18601@acme.example")
        self.assertEqual("twilio-rejected", product["status"])
        self.assertEqual([18601], [error["code"] for error in product["errors"]])

    def test_overload_and_reset(self):
        self.register("compliance@acme.example")
        self.server.control("faults", status=503)  # the next request is refused
        with self.assertRaises(urllib.error.HTTPError) as refused:
            self.call("/v1/TrustProducts")
        self.assertEqual(503, refused.exception.code)
        self.server.control("reset", to="empty")
        self.assertEqual([], self.call("/v1/TrustProducts")["results"])


if __name__ == "__main__":
    unittest.main()
