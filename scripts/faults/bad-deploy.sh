#!/bin/sh
# A release goes wrong. The alert is the same as for a dead process; the cure is another one.
set -eu
. "$(dirname "$0")/cloud.sh"

say "payments runs a version that has worked for days."
show payments

say "A new one is deployed, and fails its health checks."
inject bad-deploy payments
await_alert payments
alerts
show payments

say "The agent is asked to look. The process runs, but its version is seconds old."
cli run "Investigate the alerts and heal payments" --follow

say "A restart would have started the same program again. The version before works."
await_calm
show payments
