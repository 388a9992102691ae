#!/usr/bin/env bash
# Finds the change that is approved for a deployment, and sets the step's output `fingerprint`. It is the change that
# the pull request showed, which is that of main's last commit; or the change that a person names in APPROVE. The output
# is empty if the change needs no approval. To run it locally: BASE=HEAD^1 .github/scripts/approved.sh
set -euo pipefail
cd "$(dirname "$0")/../.."

if [ "${GITHUB_EVENT_NAME:-}" = workflow_dispatch ]; then
  fingerprint="${APPROVE:-}"
  # Checked, because it becomes part of a command.
  if [ -n "$fingerprint" ] && ! [[ $fingerprint =~ ^[0-9a-f]{32}$ ]]; then
    echo "::error::No fingerprint: enter the 32 digits (0-9, a-f) that synth diff or the refused deployment printed" >&2
    exit 2
  fi
  who=" by the person who started this run"
else
  fingerprint=$(cargo run --quiet --locked --package synth -- diff --base "$BASE" --format fingerprint) || {
    echo "::notice::The previous commit of main cannot be compared, so no change is approved" >&2
    fingerprint=
  }
  who=" with the pull request"
fi
if [ -n "$fingerprint" ]; then echo "Approved$who: $fingerprint"; else echo "Nothing is approved."; fi >&2
echo "fingerprint=$fingerprint" >>"${GITHUB_OUTPUT:-/dev/stdout}"
