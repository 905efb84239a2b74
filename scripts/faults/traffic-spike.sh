#!/bin/sh
# A sale begins, and two and a half times the usual visitors come. Nothing is broken.
set -eu
. "$(dirname "$0")/cloud.sh"

say "payments carries the ordinary load."
show payments

say "The sale begins."
inject traffic-spike payments
await_alert payments
alerts

say "The agent may scale, up to what the site's rules allow without a person."
cli run "Investigate the alerts and relieve payments" --follow

say "The replicas carry the load; it will ease within a minute."
await_calm
show payments
