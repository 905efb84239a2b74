#!/bin/sh
# Memory fills up. Users notice nothing yet, but it will not end well.
set -eu
. "$(dirname "$0")/cloud.sh"

say "auth answers as it should."
show auth

say "Something in it never gives memory back."
inject memory-leak auth
await_alert auth
alerts
show auth

say "The agent is asked to look."
cli run "Investigate the alerts and heal auth" --follow

say "Fresh processes start with little."
await_calm
show auth
