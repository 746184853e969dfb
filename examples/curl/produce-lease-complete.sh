#!/usr/bin/env bash
# Produces an item, leases it, and completes it.
#
#   ./produce-lease-complete.sh [URL]
#
# QUERATOR_API_KEY: the key, if the server has access control.
set -euo pipefail
url=${1:-http://localhost:2319}

call() {
  curl -sS --fail-with-body -H 'Content-Type: application/json' \
    ${QUERATOR_API_KEY:+-H "Authorization: Bearer $QUERATOR_API_KEY"} -d "$2" "$url/$1"
}

echo "queues.create: $(call v1/queues.create \
  '{"queue_name": "curl", "lease_timeout": "1m", "expire_timeout": "24h", "requested_partitions": 1}')"

echo "queue.produce: $(call v2/queue.produce \
  '{"queue_name": "curl", "request_timeout": "10s", "items": [{"kind": "greeting", "utf8": "hello"}]}')"

leased=$(call v2/queue.lease \
  '{"queue_name": "curl", "request_timeout": "10s", "client_id": "curl-1", "batch_size": 1}')
echo "queue.lease: $leased"

# The payload is base64. A field at its default is not sent: no partition means partition 0.
echo "payload: $(grep -o '"bytes":"[^"]*"' <<<"$leased" | cut -d '"' -f 4 | base64 -d)"
id=$(grep -o '"id":"[^"]*"' <<<"$leased" | cut -d '"' -f 4)
partition=$(grep -o '"partition":[0-9]*' <<<"$leased" | cut -d : -f 2 || true)

echo "queue.complete: $(call v2/queue.complete \
  "{\"queue_name\": \"curl\", \"request_timeout\": \"10s\", \"partition\": ${partition:-0}, \"ids\": [\"$id\"]}")"
