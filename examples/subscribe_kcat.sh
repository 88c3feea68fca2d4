#!/bin/sh
# Act on segment changes with kcat, jq and sqlite3: sh subscribe_kcat.sh [GROUP]
set -eu
db() { sqlite3 -cmd ".timeout 5000" seen.db "$1"; }
db "CREATE TABLE IF NOT EXISTS seen (event_id TEXT PRIMARY KEY)"
# A kcat group commits as it reads, so records in progress at a stop are lost: use this to look, not for messages that must
# not get lost.
kcat -u -q -b "$KAFKA" -X isolation.level=read_committed -X auto.offset.reset=earliest \
  -G "${1-my-messages}" "${TOPIC_PREFIX-}segment.changes.v1" |
  jq --unbuffered -r 'select(.automation_safe) | [.event_id, .customer_id, .segmentation, .to.id // "nothing"] | @tsv' |
  while read -r id customer segmentation to; do
    test -z "$(db "SELECT 1 FROM seen WHERE event_id = '$id'")" || continue
    echo "$customer $segmentation $to" # send your message here
    db "INSERT INTO seen VALUES ('$id')"
  done
