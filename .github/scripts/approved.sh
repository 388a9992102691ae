#!/usr/bin/env bash
# Says which change a deployment may carry out though somebody has to approve it, as the step's output `fingerprint`: the one that
# the pull request showed, which is what main's last commit does to the one before; or the one that a person names in APPROVE.
# Nothing, if that change needs no approval. To see it locally: BASE=HEAD^1 .github/scripts/approved.sh
set -euo pipefail
cd "$(dirname "$0")/../.."

if [ "${GITHUB_EVENT_NAME:-}" = workflow_dispatch ]; then
  fingerprint="${APPROVE:-}"
  # It becomes part of a command.
  if [ -n "$fingerprint" ] && ! [[ $fingerprint =~ ^[0-9a-f]{32}$ ]]; then
    echo "::error::No fingerprint: 32 digits of 0-9 and a-f, as a deployment that was held or synth diff prints it" >&2
    exit 2
  fi
  who=" by whoever started this"
else
  fingerprint=$(cargo run --quiet --locked --package synth -- diff --base "$BASE" --format fingerprint) || {
    echo "::notice::What main was before cannot be compared, so nothing is approved" >&2
    fingerprint=
  }
  who=" with the pull request"
fi
if [ -n "$fingerprint" ]; then echo "Approved$who: $fingerprint"; else echo "Nothing is approved."; fi >&2
echo "fingerprint=$fingerprint" >>"${GITHUB_OUTPUT:-/dev/stdout}"
