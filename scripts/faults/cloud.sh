# What the stories share: addresses and keys of a running `countersign up --demo`, and its words.
# Sourced, not run. COUNTERSIGN_DATA names its data folder, COUNTERSIGN_READY_FILE its ready file.

ready=${COUNTERSIGN_READY_FILE:-${COUNTERSIGN_DATA:-countersign-data}/ready.json}
[ -r "$ready" ] || { echo "no ready file at $ready: start \`countersign up --demo\` first" >&2; exit 2; }

# member FILE NAME: the text of one member of a JSON file.
member() { sed -n "s/.*\"$2\" *: *\"\([^\"]*\)\".*/\1/p" "$1" | head -n 1; }

COUNTERSIGN_DATA=$(member "$ready" data)
export COUNTERSIGN_DATA
cloud=$(member "$ready" simulator)
key=$(member "$COUNTERSIGN_DATA/credentials.json" operator_key)

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
# The key goes in by standard input, so that it stands in no list of processes.
get() { printf 'header = "Authorization: Bearer %s"\n' "$key" | curl -fsS --max-time 5 -K - "$cloud$1"; }
cli() { "${COUNTERSIGN_BIN:-countersign}" "$@"; }
inject() { cli fault inject "$1" "$2"; }

# show SERVICE: its state in one line.
show() {
  get /v1/state | grep -o "\"id\":\"$1\",\"status\":\"[a-z]*\",\"replicas\":[0-9]*,\"ready_replicas\":[0-9]*,\"version\":\"[^\"]*\"" |
    sed 's/"//g; s/,/, /g; s/:/ /g; s/^/  /'
}
open_alerts() { get '/v1/alerts?status=open' | grep -o '"resource_id":"[^"]*"[^}]*"msg":"[^"]*"' || true; }
alerts() { open_alerts | sed 's/.*"severity":"\([^"]*\)".*"msg":"\([^"]*\)"/  \1: \2/'; }

# await_alert TEXT, await_calm: within ten seconds, or the story fails.
await_alert() { await "no alert about $1" 'open_alerts | grep -q "$1"' "$1"; }
await_calm() { await "alerts are still open" '[ -z "$(open_alerts)" ]'; }
await() {
  what=$1 check=$2 left=40 && shift 2
  until eval "$check"; do
    left=$((left - 1)) && [ "$left" -gt 0 ] || { echo "$what" >&2; alerts >&2; exit 1; }
    sleep 0.25
  done
}
