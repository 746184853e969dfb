"""Works with the client that a generator makes from the OpenAPI document."""

import base64
import json
import sys

from querator_api import Client
from querator_api.api.v1_queues import v_1_queues_create
from querator_api.api.v2_queue import v_2_queue_complete, v_2_queue_lease, v_2_queue_produce
from querator_api.models import (
    QueueInfo,
    V2QueueCompleteRequest,
    V2QueueLeaseRequest,
    V2QueueProduceItem,
    V2QueueProduceItemMetadata,
    V2QueueProduceRequest,
)

QUEUE = "python"

client = Client(base_url=sys.argv[1])
created = v_1_queues_create.sync(
    client=client,
    body=QueueInfo(queue_name=QUEUE, lease_timeout="1m", expire_timeout="1h", requested_partitions=1),
)

metadata = V2QueueProduceItemMetadata.from_dict({"from": "models"})
produced = v_2_queue_produce.sync(
    client=client,
    body=V2QueueProduceRequest(
        queue_name=QUEUE,
        request_timeout="5s",
        items=[V2QueueProduceItem(utf8="one", metadata=metadata), V2QueueProduceItem(utf8="two")],
    ),
)

leased = v_2_queue_lease.sync(
    client=client,
    body=V2QueueLeaseRequest(queue_name=QUEUE, request_timeout="5s", client_id="c", batch_size=10),
)
ids = [item.id for item in leased.items]

completed = v_2_queue_complete.sync(
    client=client,
    body=V2QueueCompleteRequest(
        queue_name=QUEUE,
        request_timeout="5s",
        # A field at its default is not sent.
        partition=leased.partition or 0,
        ids=ids,
    ),
)

refused = v_2_queue_complete.sync(
    client=client,
    body=V2QueueCompleteRequest(queue_name="no-such-queue", request_timeout="5s", ids=["x"]),
)

print(
    json.dumps(
        {
            "created": created.code,
            "same_ids": [item.id for item in produced.items] == ids,
            "payloads": [base64.b64decode(item.bytes_).decode() for item in leased.items],
            "metadata": leased.items[0].metadata.to_dict(),
            "failed": [item.code for item in completed.items if item.code],
            "reason": refused.details["code"],
        }
    )
)
