#!/usr/bin/env python3
"""A second verifier of intent tokens, for the corpus beside it.

Written from the description of the token alone, with the standard library alone: signatures by the
algorithm of RFC 8032 section 5.1.7, parameters and requests hashed as RFC 8785 bytes. Every case must
be answered as `expect` says, or, by the plain rules of RFC 8032, as `rfc8032` says where it is listed.

    verify.py [corpus.json]     exit 0: all as listed; 1: not
"""

import base64
import hashlib
import json
import math
import re
import sys
from pathlib import Path

LARGEST = 2**53 - 1


class Refused(Exception):
    """A refusal; its one argument is the code."""


# --- Ed25519 (RFC 8032 §5.1) -------------------------------------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)


def recover_x(y, sign):
    """x of the point with this y, or None."""
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    return P - x if x & 1 != sign else x


def decode_point(data):
    """Extended coordinates, or None: also for a y that is not below p."""
    if len(data) != 32:
        return None
    number = int.from_bytes(data, "little")
    y, sign = number & (2**255 - 1), number >> 255
    x = recover_x(y, sign) if y < P else None
    return None if x is None else (x, y, 1, x * y % P)


def add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def times(scalar, point):
    total = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            total = add(total, point)
        point = add(point, point)
        scalar >>= 1
    return total


def same(p, q):
    return (p[0] * q[2] - q[0] * p[2]) % P == 0 and (p[1] * q[2] - q[1] * p[2]) % P == 0


def is_small(point):
    return same(times(8, point), (0, 1, 1, 0))


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE_X = recover_x(BASE_Y, 0)
BASE = (BASE_X, BASE_Y, 1, BASE_X * BASE_Y % P)


def verify(public, message, signature, strict):
    """Whether the signature holds; strictly, points of small order refuse too."""
    key = decode_point(public)
    if key is None or len(signature) != 64:
        return False
    r, s = decode_point(signature[:32]), int.from_bytes(signature[32:], "little")
    if r is None or s >= L or (strict and (is_small(r) or is_small(key))):
        return False
    digest = hashlib.sha512(signature[:32] + public + message).digest()
    k = int.from_bytes(digest, "little") % L
    return same(times(s, BASE), add(r, times(k, key)))


# --- Strict JSON and its canonical bytes (RFC 8785) --------------------------


def integer(text):
    if text == "-0" or abs(int(text)) > LARGEST:
        raise ValueError(text)
    return int(text)


def number(text):
    value = float(text)
    if not math.isfinite(value) or abs(value) >= 2**53 or (value == 0 and math.copysign(1, value) < 0):
        raise ValueError(text)
    return int(value) if value == int(value) else value


def members(pairs):
    found = {}
    for name, value in pairs:
        reserved = name.startswith("__") or (name.startswith("$") and name not in ("$secret", "$blob"))
        if name in found or reserved:
            raise ValueError(name)
        found[name] = value
    return found


def constant(text):
    raise ValueError(text)


def check(value, depth=0):
    if depth > 32:
        raise ValueError("depth")
    if isinstance(value, str) and ("\0" in value or re.search("[\ud800-\udfff]", value)):
        raise ValueError("text")
    inner = list(value) + list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    for item in inner:
        check(item, depth + 1)
    return value


def read(data):
    """One document, or ValueError."""
    text = data.decode("utf-8") if isinstance(data, bytes) else data
    return check(json.loads(text, object_pairs_hook=members, parse_int=integer, parse_float=number,
                            parse_constant=constant))


def ecmascript(value):
    """A double as ECMAScript prints it (ECMA-262, Number::toString)."""
    sign, digits, exponent = ("-" if value < 0 else ""), *shortest(abs(value))
    point = exponent + len(digits)
    if 0 < point <= 21:
        whole = digits.ljust(point, "0")
        text = whole[:point] + ("." + whole[point:] if len(whole) > point else "")
    elif -6 < point <= 0:
        text = "0." + "0" * -point + digits
    else:
        mantissa = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
        text = f"{mantissa}e{'+' if point > 0 else '-'}{abs(point - 1)}"
    return sign + text


def shortest(value):
    """The digits of the shortest text that reads back, and the power of ten behind the last one."""
    mantissa, _, exponent = f"{value!r}e0".partition("e")
    power = int(exponent.partition("e")[0])
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    power -= len(fraction)
    short = digits.rstrip("0")
    return short, power + len(digits) - len(short)


def canonical(value):
    if isinstance(value, dict):
        ordered = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return "{" + ",".join(canonical(name) + ":" + canonical(value[name]) for name in ordered) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, float):
        return ecmascript(value)
    return json.dumps(value, ensure_ascii=False)


def sha256(value):
    return hashlib.sha256(canonical(value).encode()).hexdigest()


# --- Parameters and the rendered call ----------------------------------------

TYPES = {
    "string": lambda v: isinstance(v, str),
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
    "boolean": lambda v: isinstance(v, bool),
    "array": lambda v: isinstance(v, list),
    "object": lambda v: isinstance(v, dict),
}
KNOWN = {"type", "required", "properties", "additionalProperties", "items", "minimum", "maximum", "format"}


def fits(schema, value):
    """Whether a value fits the few keywords that the corpus uses."""
    assert set(schema) <= KNOWN, schema
    if not TYPES[schema["type"]](value):
        return False
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        assert schema["additionalProperties"] is False
        return (all(name in value for name in schema.get("required", []))
                and all(name in properties and fits(properties[name], item) for name, item in value.items()))
    if isinstance(value, list):
        return all(fits(schema["items"], item) for item in value)
    if schema.get("format") == "identifier" and not re.fullmatch(r"[A-Za-z0-9._:/@-]+", value):
        return False
    return schema.get("minimum", value) <= value <= schema.get("maximum", value)


ABSENT = object()


def plain(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int)):
        return str(value)
    raise Refused("render_refused")


def fill(template, params):
    """A template with its parameters; ABSENT where one of them is."""
    if isinstance(template, dict):
        filled = {name: fill(item, params) for name, item in template.items()}
        return {name: item for name, item in filled.items() if item is not ABSENT}
    if isinstance(template, list):
        return [item for item in (fill(item, params) for item in template) if item is not ABSENT]
    if not isinstance(template, str):
        return template
    pieces = re.split(r"\{([^{}]+)\}", template)
    if len(pieces) == 3 and pieces[0] == pieces[2] == "":
        return params.get(pieces[1], ABSENT)
    if any(name not in params for name in pieces[1::2]):
        return ABSENT
    return "".join(plain(params[piece]) if index % 2 else piece for index, piece in enumerate(pieces))


def texts(templates, params):
    filled = {name: fill(template, params) for name, template in sorted(templates.items())}
    return {name: plain(value) for name, value in filled.items() if value is not ABSENT}


def request_sha256(definition, params):
    """SHA-256 over the parts of the rendered call, each behind its length."""
    request, path = definition["request"], ""
    for segment in request["path"].split("/")[1:]:
        value = fill(segment, params)
        if segment.startswith("{"):
            value = plain(value)
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,127}", value):
                raise Refused("render_refused")
        path += "/" + value
    headers = texts(request.get("headers", {}), params)
    if not all(re.fullmatch(r"[ -~]*", value) for value in headers.values()):
        raise Refused("render_refused")
    query = [list(pair) for pair in texts(request.get("query", {}), params).items()]
    body = fill(request["body"], params) if "body" in request else ABSENT
    parts = [definition["upstream"], request["method"], path, canonical(query), canonical(headers),
             "none" if body is ABSENT else "json", "" if body is ABSENT else canonical(body)]
    hasher = hashlib.sha256()
    for part in parts:
        hasher.update(len(part.encode()).to_bytes(8, "big") + part.encode())
    return hasher.hexdigest()


# --- Tokens and proofs -------------------------------------------------------

NAME = r"[A-Za-z0-9._:/@-]{1,128}"
ULID = r"[0-9A-HJKMNP-TV-Z]{26}"
DIGEST = r"[0-9a-f]{64}"
CLAIMS = {
    "iss": str, "aud": str, "iat": int, "nbf": int, "exp": int, "policy_epoch": int,
    "authorization_details": list, "sub": NAME, "tenant": NAME, "jti": ULID, "plan": "pln_" + ULID,
    "plan_sha256": DIGEST, "policy": DIGEST, "step": r"[A-Za-z0-9._-]{1,64}",
}
OPTIONAL = {"approvals": DIGEST, "precondition": DIGEST, "cnf": dict}
DETAIL = {"type": "tool_call", "tool": NAME, "params_sha256": DIGEST, "definition_sha256": DIGEST,
          "request_sha256": DIGEST, "use": "once|lease"}
PROOF = {"jti": NAME, "iat": int, "htm": str, "htu": str, "ath": str}


def matches(value, form):
    if isinstance(form, str):
        return isinstance(value, str) and re.fullmatch(form, value) is not None
    return isinstance(value, form) and not isinstance(value, bool)


def exact(value, forms, optional=()):
    """Whether an object has exactly these members, each of its form."""
    optional = dict(optional)
    return (isinstance(value, dict) and set(forms) <= set(value) <= set(forms) | set(optional)
            and all(matches(item, forms.get(name) or optional[name]) for name, item in value.items()))


def unbase64(part):
    """base64url without padding and with nothing but zeros behind the last byte."""
    if not re.fullmatch(r"[A-Za-z0-9_-]*", part) or len(part) % 4 == 1:
        raise Refused("token_malformed")
    data = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    if base64.urlsafe_b64encode(data).decode().rstrip("=") != part:
        raise Refused("token_malformed")
    return data


def kid_of(jwk):
    return hashlib.sha256(unbase64(jwk["x"])).hexdigest()[:16]


def opened(text, typ, keys, limits, strict):
    """The claims of a compact JWS, checked in the order size, header, key, signature, readable."""
    parts = text.split(".")
    if len(text.encode()) > limits["bytes"] or len(parts) != 3:
        raise Refused("token_malformed")
    header, payload, signature = map(unbase64, parts)
    try:
        header = read(header)
    except (ValueError, RecursionError):
        raise Refused("token_header") from None
    if not exact(header, {"alg": "EdDSA", "kid": "[0-9a-f]{16}", "typ": re.escape(typ)}):
        raise Refused("token_header")
    if header["kid"] not in keys:
        raise Refused("token_key")
    message = text.rpartition(".")[0].encode()
    if not verify(unbase64(keys[header["kid"]]["x"]), message, signature, strict):
        raise Refused("token_signature")
    try:
        return read(payload)
    except (ValueError, RecursionError):
        raise Refused("token_claims") from None


def check_claims(claims, limits):
    if not exact(claims, CLAIMS, OPTIONAL):
        raise Refused("token_claims")
    details = claims["authorization_details"]
    cnf = claims.get("cnf", {"jkt": ""})
    if len(details) != 1 or not exact(details[0], DETAIL) or not exact(cnf, {"jkt": str}):
        raise Refused("token_claims")
    iat, nbf, exp = (claims[name] for name in ("iat", "nbf", "exp"))
    if claims["policy_epoch"] < 0 or min(iat, nbf, exp) < 0 or nbf < iat or not 1 <= exp - iat <= limits["life"]:
        raise Refused("token_claims")


def check_place_and_time(claims, corpus):
    settings, now, limits = corpus["verifier"], corpus["now"], corpus["limits"]
    for claim, setting, code in (("iss", "issuer", "token_issuer"), ("aud", "audience", "token_audience"),
                                 ("tenant", "tenant", "token_tenant")):
        if claims[claim] != settings[setting]:
            raise Refused(code)
    if claims["nbf"] > now + limits["skew"]:
        raise Refused("token_early")
    if now >= claims["exp"]:
        raise Refused("token_expired")
    if claims["iat"] < corpus["floor"]["issued_at"]:
        raise Refused("token_floor")
    if claims["policy_epoch"] < corpus["floor"]["policy_epoch"]:
        raise Refused("token_epoch")


def base64url_sha256(data):
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")


def check_proof(case, claims, agent, token, corpus, strict):
    key = corpus["agents"][agent]
    if key is None and "cnf" not in claims:
        return
    if key is None or "cnf" not in claims or "proof" not in case:
        raise Refused("agent_proof")
    jwk, request, limits = corpus["keys"][key], corpus["request"], corpus["limits"]
    thumbprint = base64url_sha256(canonical({name: jwk[name] for name in ("crv", "kty", "x")}).encode())
    try:
        proof = opened(case["proof"], "intent-proof+jwt", {kid_of(jwk): jwk}, limits, strict)
    except Refused:
        raise Refused("agent_proof") from None
    expected = {"htm": request["method"], "htu": request["path"], "ath": base64url_sha256(token.encode())}
    if (thumbprint != claims["cnf"]["jkt"] or not exact(proof, PROOF)
            or any(proof[name] != value for name, value in expected.items())
            or not -limits["proof_age"] <= proof["iat"] - corpus["now"] <= limits["proof_skew"]):
        raise Refused("agent_proof")


def check_call(case, claims, corpus, token, strict):
    asked = {name: case.get(name, corpus["call"][name]) for name in ("agent", "tool", "params")}
    try:
        params = read(asked["params"])
    except (ValueError, RecursionError):
        raise Refused("params_invalid") from None
    if not isinstance(params, dict):
        raise Refused("params_invalid")
    tool = corpus["tools"].get(asked["tool"])
    if tool is None:
        raise Refused("tool_unknown")
    if asked["agent"] != claims["sub"]:
        raise Refused("agent_mismatch")
    check_proof(case, claims, asked["agent"], token, corpus, strict)
    approved = claims["authorization_details"][0]
    if approved["tool"] != asked["tool"]:
        raise Refused("tool_mismatch")
    if not fits(tool["schema"], params):
        raise Refused("params_invalid")
    if sha256(params) != approved["params_sha256"]:
        raise Refused("params_mismatch")
    if sha256(tool["definition"]) != approved["definition_sha256"]:
        raise Refused("tool_changed")
    if approved["use"] == "lease" and tool["definition"]["effect"] != "read":
        raise Refused("token_claims")
    if request_sha256(tool["definition"], params) != approved["request_sha256"]:
        raise Refused("render_mismatch")


def judge(case, corpus, strict=True):
    """`accepted`, or the code of the first check that fails."""
    token = case["token"].strip()
    keys = {kid_of(corpus["keys"][name]): corpus["keys"][name] for name in corpus["trusted"]}
    try:
        if not token:
            raise Refused("token_missing")
        claims = opened(token, "intent+jwt", keys, corpus["limits"], strict)
        check_claims(claims, corpus["limits"])
        check_place_and_time(claims, corpus)
        check_call(case, claims, corpus, token, strict)
    except Refused as refused:
        return refused.args[0]
    return "accepted"


def is_refused(key):
    try:
        point = decode_point(unbase64(key["x"]))
    except Refused:
        return True
    return point is None or is_small(point)


def main(path):
    corpus = json.loads(Path(path).read_text(encoding="utf-8"))
    wrong, differing = [], 0
    for case in corpus["cases"]:
        answers = [judge(case, corpus)]
        listed = [case["expect"]]
        if "rfc8032" in case:
            differing += 1
            answers.append(judge(case, corpus, strict=False))
            listed.append(case["rfc8032"])
        if answers != listed:
            wrong.append(f"{case['group']} / {case['name']}: {answers}, listed {listed}")
    for tool in corpus["tools"].values():
        if sha256(tool["definition"]) != tool["definition_sha256"]:
            wrong.append(f"definition of {tool['definition']['name']}")
    wrong += [f"key {key['why']}" for key in corpus["refused_keys"] if not is_refused(key)]
    print("\n".join(wrong + [f"{len(corpus['cases'])} cases, {differing} differ as listed, {len(wrong)} wrong"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_name("corpus.json")))
