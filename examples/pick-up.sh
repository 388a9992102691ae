#!/bin/sh
# Fetches the next access key from Secrets Manager with the present key, tries it, and replaces the present key in the
# credentials file. It needs the AWS CLI, and only the permission that the secret's policy gives to its user.
#
#   pick-up.sh SECRET [PROFILE]           for cron: run it more often than `overlap` is long
#   pick-up.sh --print SECRET [PROFILE]   for credential_process: also prints the key. If the next key cannot be fetched, it
#                                         prints the present key, as long as AWS accepts it
#
# SECRET is the name of the secret, such as access-key-rotation/alice. PROFILE is the section of the credentials file with
# the key; without it, `default`. Run the script as the owner of the file.
set -eu
umask 077

fail() { printf 'pick-up: %s\n' "$2" >&2; exit "$1"; }

print=no
if [ "${1:-}" = --print ]; then print=yes; shift; fi
[ $# -ge 1 ] && [ $# -le 2 ] || fail 2 'usage: pick-up.sh [--print] SECRET [PROFILE]'
secret=$1
profile=${2:-default}
# If the file is a link, the script replaces its target.
file=$(readlink -f "${AWS_SHARED_CREDENTIALS_FILE:-$HOME/.aws/credentials}") || fail 2 'there is no credentials file'
[ -w "$(dirname "$file")" ] || fail 2 "$(dirname "$file") cannot be written"

# One run at a time: otherwise a second run could read a key that the first one is replacing. The lock holds the process id.
lock=$file.lock
new=
takeover=
clean() {
  if [ -n "$new" ]; then rm -f "$new"; fi
  if [ -n "$takeover" ]; then rm -f "$takeover"; fi
  if [ "$(readlink "$lock" 2>/dev/null)" = $$ ]; then rm -f "$lock"; fi
}
trap clean EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 131' QUIT
trap 'exit 141' PIPE
trap 'exit 143' TERM
tries=0
until ln -s $$ "$lock" 2>/dev/null; do
  holder=$(readlink "$lock" 2>/dev/null) || holder=
  # A run that was killed with SIGKILL leaves its lock. One run at a time removes it: otherwise a second one could remove the
  # new lock of the first.
  if [ -n "$holder" ] && ! kill -0 "$holder" 2>/dev/null && ln -s $$ "$lock.$holder" 2>/dev/null; then
    takeover=$lock.$holder
    if [ "$(readlink "$lock" 2>/dev/null)" = "$holder" ]; then rm -f "$lock"; fi
    rm -f "$takeover"
    takeover=
    continue
  fi
  tries=$((tries + 1))
  [ $tries -le 60 ] || fail 1 "another run has held $lock for a minute; if there is none, delete it"
  sleep 1
done

unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_PROFILE
# The next key is tried without the profile, but with the Region of the profile.
region=${AWS_REGION:-${AWS_DEFAULT_REGION:-$(aws configure get region --profile "$profile" || true)}}
if [ -n "$region" ]; then export AWS_REGION="$region" AWS_DEFAULT_REGION="$region"; fi

# The section of ~/.aws/config for a profile.
section() { if [ "$1" = default ]; then echo default; else echo "profile $1"; fi; }

who() { aws sts get-caller-identity --query Arn --output text "$@"; }

# Prints $document with an expiration in $1 seconds, so that the program asks again. The end of a key is not known.
show() {
  at=$(($(date +%s) + $1))
  at=$(date -u -d "@$at" +%Y-%m-%dT%H:%M:%SZ 2>/dev/null || date -u -r "$at" +%Y-%m-%dT%H:%M:%SZ)
  printf '%s\n' "$document" | sed "s/^{/{\"Expiration\":\"$at\",/"
}

# Keeps the present key, because the next one cannot be fetched; $1 says why.
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
[ -n "$region" ] ||
  stay "no AWS Region is set; set AWS_REGION, or region under [$(section "$profile")] in ~/.aws/config"
document=$(aws secretsmanager get-secret-value --profile "$profile" --secret-id "$secret" \
  --query SecretString --output text) ||
  stay "the key $present does not open $secret; if its overlap is over, ask an administrator"

# The secret is one line of JSON, and no value in it needs an escape.
field() { printf '%s\n' "$document" | sed -n "s/.*\"$1\" *: *\"\([^\"]*\)\".*/\1/p"; }
id=$(field AccessKeyId)
key=$(field SecretAccessKey)
[ -n "$id" ] && [ -n "$key" ] || stay "$secret contains no access key yet"

if [ "$id" != "$present" ]; then
  # The key is in the environment, because every user of the machine can see the arguments.
  next=$(export AWS_ACCESS_KEY_ID="$id" AWS_SECRET_ACCESS_KEY="$key"; who) || stay "AWS does not accept the key $id"
  [ "$next" = "$(who --profile "$profile")" ] || stay "the key $id belongs to another user: $next"

  # The new file is renamed over the old one, so that a reader finds either the old key or the new one.
  new=$(mktemp "$file.XXXXXX")
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
  new=
  printf 'pick-up: [%s] has the key %s now, instead of %s\n' "$profile" "$id" "$present" >&2
fi

if [ "$print" = yes ]; then show 3600; fi
