# Five attacks, five codes; between them the unaltered call runs.

call() { ask "$agent" POST "$enforcer/v1/calls" "{\"tool\": \"infra.scale\", \"params\": {\"service_id\": \"payments\", \"replicas\": $1}}" "${2:+Intent-Token: $2}"; }
replicas() { ask "$operator" GET "$simulator/v1/state" && answer '.services[] | select(.id == "payments") | .replicas'; }
refused() { # WHAT CODE
  [ "$(answer .code)" = "$2" ] || fail "$1: expected $2, got $status $(answer .code)"
  code=$status
  [ "$(replicas)" = "$before" ] || fail "$1: refused, but something was forwarded"
  ok "$(printf '%-22s refused: %s %s' "$1" "$code" "$2")"
}

beat "4  Five attacks on a token"
mint 4
before=$(replicas)
call 4 "" && refused "no token" token_missing
call 4 "${token%.*}.$(printf 'A%.0s' $(seq 86))" && refused "forged signature" token_signature
call 40 "$token" && refused "changed parameter" params_mismatch
call 4 "$token"
{ [ "$status" = 200 ] && [ "$(answer .outcome)" = done ]; } || fail "the unaltered call did not run: $status"
ok "the unaltered call    runs:    $status done, receipt $(answer .receipt | cut -c1-12)…"
before=$(replicas)
[ "$before" = 4 ] || fail "payments was not scaled to 4"
call 4 "$token" && refused "replay" token_used
left=$((minted + ${COUNTERSIGN_TOKEN_TTL:-60} + 1 - $(date +%s)))
[ $left -le 0 ] || { note "waiting $left s for a token to expire" && sleep $left; }
call 5 "$old" && refused "expired" token_expired
