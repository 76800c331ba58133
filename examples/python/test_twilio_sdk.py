"""The same with Twilio's SDK: `pip install twilio`, then `python3 -m unittest`.

The package cannot be installed where this repository is tested, so this test has never run there: it is skipped. It replaces
the HTTP client in the way that the SDK documents.
"""

import importlib.util
import unittest

from trusthub import start_trust_hub


def local_client(server):
    """Returns a client of the SDK that calls the server. The SDK has no setting for the host, but its HTTP client can be replaced."""
    from twilio.http.http_client import TwilioHttpClient
    from twilio.rest import Client

    class LocalClient(TwilioHttpClient):
        def request(self, method, url, *args, **kwargs):
            url = url.replace("https://trusthub.twilio.com", server.base_url)
            return super().request(method, url, *args, **kwargs)

    return Client(server.account_sid, server.auth_token, http_client=LocalClient())


@unittest.skipUnless(importlib.util.find_spec("twilio"), "the package twilio is not installed")
class TwilioSDK(unittest.TestCase):
    def test_create_and_submit(self):
        with start_trust_hub() as server:
            products = local_client(server).trusthub.v1.trust_products
            product = products.create(
                friendly_name="Acme", email="compliance@acme.example", policy_sid="RN7a97559effdf62d00f4298208492a5ea"
            )
            self.assertEqual("draft", product.status)
            product = products(product.sid).update(status="pending-review")
            self.assertIn(product.status, ("pending-review", "in-review"))


if __name__ == "__main__":
    unittest.main()
