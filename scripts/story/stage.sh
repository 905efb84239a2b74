# What every beat uses: addresses, keys, requests and words. Sourced by `play`.

data=${COUNTERSIGN_DATA:-countersign-data}
[ -r "$data/ready.json" ] || { echo "no ready.json in $data: start \`countersign up --demo\` first" >&2; exit 2; }
url() { jq -r ".$1" "$data/ready.json"; }
secret() { jq -r ".$1" "$data/credentials.json"; }
authority=$(url authority) enforcer=$(url enforcer) planner=$(url planner) simulator=$(url simulator)
operator=$(secret operator_key) agent=$(secret agent_keys.remediator)

bold='' green='' red='' dim='' plain=''
if [ -t 1 ] || [ -n "${FORCE_COLOR:-}" ]; then
  bold=$(printf '\033[1m') green=$(printf '\033[32m') red=$(printf '\033[31m') dim=$(printf '\033[2m') plain=$(printf '\033[0m')
fi
beat() { printf '\n%s%s%s\n' "$bold" "$1" "$plain"; }
note() { printf '  %s%s%s\n' "$dim" "$1" "$plain"; }
ok() { printf '  %s✓%s %s\n' "$green" "$plain" "$1"; }
fail() { printf '  %s✗ %s%s\n' "$red" "$1" "$plain" >&2; exit 1; }

# ask KEY METHOD URL [BODY] [HEADER]: the answer's body; its $status, and the µs $spent. Keys go in by standard
# input, so that they stand in no list of processes.
ask() {
  printf 'header = "Authorization: Bearer %s"\n%s\n' "$1" "${5:+header = \"$5\"}" |
    curl -sS --max-time 60 -K - -X "$2" "$3" ${4:+-H 'Content-Type: application/json' -d "$4"} \
      -o "$data/answer.json" -w '%{http_code} %{time_total}' >"$data/status"
  read -r status seconds <"$data/status" || true
  spent=$(awk "BEGIN { print int($seconds * 1000000) }")
}
answer() { jq -r "$1" "$data/answer.json"; }
# until_true SECONDS WHAT COMMAND…: polls until the command succeeds.
until_true() {
  left=$(($1 * 4)) what=$2
  shift 2
  until "$@"; do
    left=$((left - 1))
    [ $left -gt 0 ] || fail "not within time: $what"
    sleep 0.25
  done
}
service_is() { ask "$operator" GET "$simulator/v1/state" && [ "$(answer ".services[] | select(.id == \"$1\") | .status")" = "$2" ]; }
open_alerts() { ask "$operator" GET "$simulator/v1/alerts?status=open" && [ "$(answer '.alerts | length')" -"$1" "$2" ]; }
mint() { # a fresh token for scaling payments to $1, in $token
  ask "$agent" POST "$authority/v1/plans" "{\"goal\": \"story\", \"steps\": [
    {\"id\": \"s1\", \"tool\": \"infra.scale\", \"params\": {\"service_id\": \"payments\", \"replicas\": $1}}]}"
  plan=$(answer .plan_id)
  ask "$agent" POST "$authority/v1/plans/$plan/steps/s1/token" '{}'
  [ "$status" = 201 ] || fail "no token: $status $(answer .detail)"
  token=$(answer .token)
}
