"""Reads a simulated Graph API with pywa, and prints what it understood as JSON.

Arguments: base URL of the Graph API, access token, ids of the business portfolios.
"""

import json
import logging
import sys
import warnings

import httpx
from pywa import WhatsApp
from pywa.types import Pagination

# A word that pywa does not know would otherwise become UNKNOWN with a warning, and a component that it cannot read
# would be logged and left as it is.
warnings.simplefilter("error")
warnings.simplefilter("ignore", ResourceWarning)


class Complaints(logging.Handler):
    def emit(self, record):
        sys.exit(f"pywa: {self.format(record)}")


logging.getLogger("pywa").addHandler(Complaints(logging.WARNING))

base_url, token, *portfolios = sys.argv[1:]


class ToSimulator(httpx.HTTPTransport):
    """Sends what is meant for Meta to the simulator. The links to further pages have Meta's host too."""

    def handle_request(self, request):
        target = httpx.URL(base_url)
        request.url = request.url.copy_with(
            scheme=target.scheme, host=target.host, port=target.port
        )
        request.headers["Host"] = f"{target.host}:{target.port}"
        return super().handle_request(request)


wa = WhatsApp(token=token, session=httpx.Client(transport=ToSimulator()))


def every_template(waba_id):
    """All pages: `TemplatesResult.next` of pywa 4.5 raises a TypeError, so the cursors are followed here."""
    page = wa.get_templates(waba_id=waba_id, pagination=Pagination(limit=5))
    templates = list(page)
    while page.has_next:
        page = wa.get_templates(
            waba_id=waba_id, pagination=Pagination(limit=5, after=page.after)
        )
        templates += page
    assert len(templates) == page.total_count == page.message_template_count
    return templates


read = {}
for portfolio in portfolios:
    owned = wa.get_owned_business_accounts(
        business_portfolio_id=portfolio, pagination=Pagination(limit=1)
    )
    shared = wa.get_shared_business_accounts(business_portfolio_id=portfolio)
    for account in owned.all() + shared.all():
        assert wa.get_business_account(waba_id=account.id) == account
        assert account.disable_marketing_messages_on_cloud_api is False, account
        assert account.marketing_messages_onboarding_status == "ELIGIBLE", account
        assert account.subscribed_apps, account
        numbers = wa.get_business_phone_numbers(waba_id=account.id).all()
        for number in numbers:
            alone = wa.get_business_phone_number(phone_id=number.id)
            assert repr(alone) == repr(number)
            assert number.status == "CONNECTED", number
        templates = every_template(account.id)
        for template in templates:
            assert repr(wa.get_template(template.id)) == repr(template)
            is_marketing = template.category == "MARKETING"
            assert (template.degrees_of_freedom_spec is not None) == is_marketing
        read[account.id] = {
            "name": account.name,
            "numbers": {number.id: number.display_phone_number for number in numbers},
            "templates": {
                template.id: f"{template.name} {template.language}"
                for template in templates
            },
        }
print(json.dumps(read))
