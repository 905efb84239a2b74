#!/bin/sh
# Many alerts at once, and few causes behind them. How many: the first argument, 30 unless given.
set -eu
. "$(dirname "$0")/cloud.sh"
count=${1:-30}

say "All is quiet."
await_calm

say "$count monitoring probes hang at once."
inject storm "$count"
await_alert probe
sleep 2
open_alerts | sed 's/"resource_id":"\([^"]*\)".*/\1/' | sort | uniq -c

say "The agent sees three services behind all of them, not $count problems."
cli run "Investigate the alerts and heal the services" --follow

say "Three restarts, and quiet again."
await_calm
for service in auth db payments; do show "$service"; done
