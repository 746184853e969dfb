"""Produces three items, and works on them until the queue is empty.

    python3 worker.py [URL]

Needs Python 3.9 or later, and no packages. QUERATOR_API_KEY: the key, if the server has access control.
"""

import base64
import json
import math
import os
import sys
import urllib.error
import urllib.request

QUEUE = "python"


class ApiError(Exception):
    """A call that the server refused. `reason` is the stable word of the error, or empty."""

    def __init__(self, reply):
        super().__init__(reply["message"])
        self.code = reply["code"]
        self.reason = reply.get("details", {}).get("code", "")


class Api:
    """Calls a server in JSON."""

    def __init__(self, url, key=None):
        self.url = url
        self.headers = {"Content-Type": "application/json"}
        if key:
            self.headers["Authorization"] = f"Bearer {key}"

    def call(self, name, **request):
        body = json.dumps(request).encode()
        message = urllib.request.Request(f"{self.url}/{name}", body, self.headers)
        try:
            # A lease waits for as long as its request_timeout says.
            with urllib.request.urlopen(message, timeout=60) as reply:
                return json.load(reply)
        except urllib.error.HTTPError as error:
            raise ApiError(json.load(error)) from None


def produce(api):
    items = [{"kind": "number", "utf8": str(number)} for number in (4, 9, -1)]
    # With the dedup key the request may be sent again after a broken connection: its items are stored once.
    api.call("v2/queue.produce", queue_name=QUEUE, request_timeout="10s", items=items, dedup_key=os.urandom(8).hex())


def work(api):
    while True:
        try:
            leased = api.call(
                "v2/queue.lease", queue_name=QUEUE, request_timeout="1s", client_id=f"worker-{os.getpid()}", batch_size=10
            )
        except ApiError as error:
            # 454: no item came within the request timeout.
            if error.code == 454 and not error.reason:
                return
            raise
        # A field at its default is not sent: no partition means partition 0.
        where = {"queue_name": QUEUE, "partition": leased.get("partition", 0)}
        done, failed = [], []
        for item in leased["items"]:
            payload = base64.b64decode(item.get("bytes", "")).decode()
            try:
                print(f"{payload}: {math.sqrt(float(payload))}")
                done.append(item["id"])
            except ValueError as error:
                print(f"{payload}: failed, attempt {item['attempts']}")
                failed.append({"id": item["id"], "dead": item["attempts"] >= 2, "error": str(error)})
        if done:
            api.call("v2/queue.complete", **where, request_timeout="10s", ids=done)
        if failed:
            api.call("v2/queue.retry", **where, items=failed)


def main():
    url = sys.argv[1] if len(sys.argv) > 1 else "http://localhost:2319"
    api = Api(url, os.environ.get("QUERATOR_API_KEY"))
    try:
        api.call("v1/queues.create", queue_name=QUEUE, lease_timeout="1m", expire_timeout="24h", requested_partitions=1)
    except ApiError as error:
        if error.reason != "queue_exists":
            raise
    produce(api)
    work(api)


if __name__ == "__main__":
    main()
