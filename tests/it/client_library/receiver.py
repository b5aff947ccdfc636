"""Receives webhooks with pywa, and reports what it understood.

Arguments: app secret, verify token. Prints its URL. POST: a delivery. GET: the report as JSON.
"""

import collections
import json
import logging
import sys
import warnings
from http.server import BaseHTTPRequestHandler, HTTPServer

from pywa import WhatsApp, handlers
from pywa.errors import PywaUnknownEnumMemberWarning

app_secret, verify_token = sys.argv[1:]

wa = WhatsApp(
    app_secret=app_secret,
    verify_token=verify_token,
    filter_updates=False,
    skip_duplicate_updates=False,
)

report = {
    # Accepted deliveries, and those whose signature pywa refused.
    "deliveries": 0,
    "refused": 0,
    # Updates by the class that pywa made of them.
    "understood": collections.Counter(),
    # Updates by field, of fields that pywa leaves to its raw handler.
    "raw": collections.Counter(),
    # Words that became UNKNOWN, by the enum that lacks them.
    "unknown_words": collections.Counter(),
    # Everything that pywa complained about, and updates of its fields that it made nothing of.
    "failures": [],
}
made = []


class Complaints(logging.Handler):
    def emit(self, record):
        cause = record.exc_info[1] if record.exc_info else None
        report["failures"].append(f"{record.getMessage()} {cause!r}")


logging.getLogger("pywa").addHandler(Complaints(logging.WARNING))


def kinds(parent):
    for kind in parent.__subclasses__():
        yield kind
        yield from kinds(kind)


for kind in kinds(handlers.Handler):
    if kind._update is not None:
        wa.add_handlers(kind(lambda _, update: made.append(type(update).__name__)))
KNOWN_FIELDS = set(handlers.Handler._handled_fields())


def changes(delivery):
    """Every change as a delivery of its own, because pywa reads only the first one."""
    for entry in delivery["entry"]:
        for change in entry["changes"]:
            yield change["field"], {**delivery, "entry": [{**entry, "changes": [change]}]}


def read(field, update):
    made.clear()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        before = len(report["failures"])
        _, status = wa.webhook_update_handler(json.dumps(update).encode())
    for warning in caught:
        text = str(warning.message)
        if warning.category is PywaUnknownEnumMemberWarning:
            # "Unknown PricingType value: 'word'Defaulting to ...".
            report["unknown_words"][text.split("Defaulting")[0]] += 1
        else:
            report["failures"].append(text)
    report["understood"].update(made)
    if field not in KNOWN_FIELDS:
        report["raw"][field] += 1
    elif status != 200 or len(made) != 1 or len(report["failures"]) > before:
        report["failures"].append(f"{made} of {json.dumps(update)}")


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        refused = wa.webhook_update_validator(
            body, self.headers.get("X-Hub-Signature-256")
        )
        if refused:
            report["refused"] += 1
            return self.answer(refused[1], b"")
        report["deliveries"] += 1
        for field, update in changes(json.loads(body)):
            read(field, update)
        return self.answer(200, b"")

    def do_GET(self):
        self.answer(200, json.dumps(report).encode())

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Receiver)
print(f"listening on http://127.0.0.1:{server.server_port}/", flush=True)
server.serve_forever()
