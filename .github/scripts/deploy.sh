#!/usr/bin/env bash
# Deploys. A change that needs approval is deployed only if its fingerprint is in APPROVE. For another change, this
# exits with 3 and says what to do.
set -euo pipefail
cd "$(dirname "$0")/../.."

errors=$(mktemp)
trap 'rm -f "$errors"' EXIT
code=0
{ make deploy APPROVE="${APPROVE:-}" 2>&1 >&3 | tee "$errors" >&2; } 3>&1 || code=$?
# make prints the exit code of its recipe, but exits with its own.
if [ $code -ne 0 ] && grep -q '^make.*\] Error 3$' "$errors"; then
  echo "::error::Nothing was deployed: the change needs approval, and another change was approved. Perhaps the stack was not at \
the previous commit of main. Read the change above. To approve it, start this workflow by hand with the fingerprint shown there."
  exit 3
fi
exit $code
