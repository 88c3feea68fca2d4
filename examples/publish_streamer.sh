#!/bin/sh
# Publish an order from the shell: sh publish_streamer.sh CUSTOMER
set -eu
streamer publish order --customer "$1" --total 59.90 --product A1,29.95,2
