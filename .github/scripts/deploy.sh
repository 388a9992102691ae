#!/usr/bin/env bash
# Deploys, and if somebody has to approve the change, only if it is the one whose fingerprint is in APPROVE. Exits with 3, and says
# what to do, if it is another.
set -euo pipefail
cd "$(dirname "$0")/../.."

errors=$(mktemp)
trap 'rm -f "$errors"' EXIT
code=0
{ make deploy APPROVE="${APPROVE:-}" 2>&1 >&3 | tee "$errors" >&2; } 3>&1 || code=$?
# make tells its recipe's exit code and has its own.
if [ $code -ne 0 ] && grep -q '^make.*\] Error 3$' "$errors"; then
  echo "::error::Nothing was deployed: the change needs approval and is not the one that was approved, perhaps because what is \
deployed is not what main was before. Read above what it does; to approve it, run this workflow by hand with the fingerprint there."
  exit 3
fi
exit $code
