#!/bin/sh
# Takes over a rotated access key: fetches the next one from Secrets Manager with the present one, tries it, and puts it in
# the present one's place. It needs the AWS CLI, and no permission but the one that the secret itself gives to its user.
#
#   pick-up.sh SECRET [PROFILE]           for cron: more often than `overlap` is long
#   pick-up.sh --print SECRET [PROFILE]   for credential_process: prints the key as well; the present one while AWS accepts
#                                         that and the next cannot be had
#
# SECRET is the secret's name, such as access-key-rotation/alice. PROFILE is the section of the credentials file that
# holds the key, `default` if it is not said. Run it as the file's owner.
set -eu
umask 077

fail() { printf 'pick-up: %s\n' "$2" >&2; exit "$1"; }

print=no
if [ "${1:-}" = --print ]; then print=yes; shift; fi
[ $# -ge 1 ] && [ $# -le 2 ] || fail 2 'usage: pick-up.sh [--print] SECRET [PROFILE]'
secret=$1
profile=${2:-default}
# A link stays a link.
file=$(readlink -f "${AWS_SHARED_CREDENTIALS_FILE:-$HOME/.aws/credentials}") || fail 2 'there is no credentials file'
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_PROFILE
# The next key is tried without the profile, and with its Region.
region=${AWS_REGION:-${AWS_DEFAULT_REGION:-$(aws configure get region --profile "$profile" || true)}}
if [ -n "$region" ]; then export AWS_REGION="$region" AWS_DEFAULT_REGION="$region"; fi

who() { aws sts get-caller-identity --query Arn --output text "$@"; }

# Prints $document for a program that shall ask again in so many seconds: a key has no end that is known.
show() {
  at=$(($(date +%s) + $1))
  at=$(date -u -d "@$at" +%Y-%m-%dT%H:%M:%SZ 2>/dev/null || date -u -r "$at" +%Y-%m-%dT%H:%M:%SZ)
  printf '%s\n' "$document" | sed "s/^{/{\"Expiration\":\"$at\",/"
}

# The next key cannot be had.
stay() {
  if [ "$print" = no ] || ! who --profile "$profile" >/dev/null; then fail 1 "$1"; fi
  printf 'pick-up: %s; %s works, so it stays\n' "$1" "$present" >&2
  document=$(printf '{"Version":1,"AccessKeyId":"%s","SecretAccessKey":"%s"}' "$present" \
    "$(aws configure get aws_secret_access_key --profile "$profile")")
  show 900
  exit 0
}

present=$(aws configure get aws_access_key_id --profile "$profile") ||
  fail 2 "$file has no key in [$profile]"
document=$(aws secretsmanager get-secret-value --profile "$profile" --secret-id "$secret" \
  --query SecretString --output text) ||
  stay "the key $present does not open $secret; if its overlap is over, ask somebody who may read the secret"

# The secret is one line of JSON, and no value in it needs an escape.
field() { printf '%s\n' "$document" | sed -n "s/.*\"$1\" *: *\"\([^\"]*\)\".*/\1/p"; }
id=$(field AccessKeyId)
key=$(field SecretAccessKey)
[ -n "$id" ] && [ -n "$key" ] || stay "$secret holds no access key yet"

if [ "$id" != "$present" ]; then
  # In the environment, not among the arguments, which everybody on the machine sees.
  next=$(export AWS_ACCESS_KEY_ID="$id" AWS_SECRET_ACCESS_KEY="$key"; who) || stay "AWS does not accept the key $id"
  [ "$next" = "$(who --profile "$profile")" ] || stay "the key $id is of somebody else: $next"

  # Written beside the file and then renamed: whoever reads at this moment finds the one key or the other.
  new=$(mktemp "$file.XXXXXX")
  trap 'rm -f "$new"' EXIT
  cp -p "$file" "$new"
  { printf '%s\n' "$id" "$key"; cat "$file"; } | awk -v profile="$profile" '
    NR == 1 { id = $0; next }
    NR == 2 { key = $0; next }
    /^[ \t]*\[/ {
      name = $0
      gsub(/^[ \t]*\[[ \t]*|[ \t]*\].*$/, "", name)
      print
      ours = name == profile
      if (ours) { print "aws_access_key_id = " id; print "aws_secret_access_key = " key }
      next
    }
    ours && /^[ \t]*aws_(access_key_id|secret_access_key|session_token)[ \t]*=/ { next }
    { print }' >"$new"
  mv "$new" "$file"
  trap - EXIT
  printf 'pick-up: [%s] has the key %s now, instead of %s\n' "$profile" "$id" "$present" >&2
fi

if [ "$print" = yes ]; then show 3600; fi
