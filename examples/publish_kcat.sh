#!/bin/sh
# Publish an order with kcat: sh publish_kcat.sh CUSTOMER
set -eu
customer=$1
id=$(date +%s)-$$ # reuse it if you send the event again
now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
# The key, before the bar, is the customer. Without murmur2_random kcat picks partitions by CRC32.
printf '%s|{"event_id": "%s", "type": "order.completed", "customer_id": "%s", "occurred_at": "%s", "order_id": "%s", "total": 59.90, "currency": "EUR"}\n' \
  "$customer" "$id" "$customer" "$now" "$id" |
  kcat -P -b "$KAFKA" -t "${TOPIC_PREFIX-}customer.events.v1" -K '|' -X topic.partitioner=murmur2_random
