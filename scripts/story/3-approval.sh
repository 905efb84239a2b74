# A risky step waits for a person.

beat "3  A risky step waits for a person"
start_run "scale payments to 12"
until_true 60 "the run waiting for a person" run_waits
approval=$(answer '[.steps[].approval_id | select(. != null)][0]')
ok "3 → 12 replicas asks a person: $(answer '[.steps[].policies[]] | unique | join(", ")')"

alice=$(secret approver_keys.alice)
ask "$alice" GET "$authority/v1/approvals/$approval"
hash=$(answer .plan_hash)
note "alice sees: $(answer '.request | "\(.method) \(.upstream) \(.path) \(.body | tostring)"')"
ask "$operator" POST "$authority/v1/approvals/$approval/decision" \
  "$(jq -nc --arg hash "$hash" '{decision: "approve", plan_hash: $hash, reason: "mine"}')"
[ "$status" = 403 ] || fail "the person who asked could approve: $status"
ok "who asked cannot approve ($(answer .code))"
ask "$alice" POST "$authority/v1/approvals/$approval/decision" \
  "$(jq -nc --arg hash "$(printf '%064d' 0)" '{decision: "approve", plan_hash: $hash, reason: "blind"}')"
[ "$status" = 409 ] || fail "another plan's hash was accepted: $status"
ok "approving something else than what was shown is refused ($(answer .code))"
ask "$alice" POST "$authority/v1/approvals/$approval/decision" \
  "$(jq -nc --arg hash "$hash" '{decision: "approve", plan_hash: $hash, reason: "the sale starts at noon"}')"
[ "$status" = 200 ] || fail "alice could not approve: $status $(answer .detail)"
until_true 60 "the end of the run" run_ended
[ "$(answer .state)" = completed ] || fail "the run ended as $(answer .state): $(answer .summary)"
ask "$operator" GET "$simulator/v1/state"
[ "$(answer '.services[] | select(.id == "payments") | .replicas')" = 12 ] || fail "payments was not scaled"
ok "alice approves, the step runs: payments has 12 replicas"
