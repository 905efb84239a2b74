#!/bin/sh
# A process dies. The alert says only that health checks fail; reading the service tells why.
set -eu
. "$(dirname "$0")/cloud.sh"

say "payments serves the shop."
show payments

say "Its process is killed."
inject crash payments
await_alert payments
alerts
show payments

say "The agent is asked to look. It reads the service: the process has exited, the version is old."
cli run "Investigate the alerts and heal payments" --follow

say "A restart was within policy, so nobody had to be woken."
await_calm
show payments
