# A service breaks, the agent heals it within policy.

start_run() { # GOAL
  ask "$operator" POST "$planner/v1/runs" "$(jq -nc --arg goal "$1" '{goal: $goal}')"
  [ "$status" = 202 ] || fail "the planner did not take the goal: $status $(answer .detail)"
  run=$(answer .run_id)
}
run_ended() { ask "$operator" GET "$planner/v1/runs/$run" && answer .state | grep -Eqx 'completed|blocked|no_action|failed|cancelled'; }
run_waits() { ask "$operator" GET "$planner/v1/runs/$run" && [ "$(answer .state)" = waiting ]; }
tell_run() {
  answer '.steps[] | "  \(.id)  \(.tool) \(.params | tostring)  →  \(.verdict)\(if .status then ", done with \(.status)" else "" end)  [\(.policies | join(", "))]"'
}

beat "1  A service breaks, the agent heals it"
until_true 10 "a healthy cloud" open_alerts eq 0
service_is payments up || fail "payments is not up"
ok "payments is up, no alert is open"
mint 5 && old=$token minted=$(date +%s) # kept until it has expired, for the last beat

ask "$operator" POST "$simulator/v1/faults" '{"kind":"crash","target":"payments"}'
[ "$status" = 201 ] || fail "the fault was not injected: $status"
until_true 10 "an alert about payments" open_alerts ge 1
ok "its process is killed; alert: $(answer '.alerts[-1].msg')"

start_run "Heal payments"
until_true 60 "the end of the run" run_ended
tell_run
[ "$(answer .state)" = completed ] || fail "the run ended as $(answer .state): $(answer .summary)"
until_true 10 "payments up again" service_is payments up
until_true 10 "the alert closed" open_alerts eq 0
ok "run completed, payments is up, the alert is closed"
