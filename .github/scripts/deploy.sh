#!/usr/bin/env bash
# Deploys every configuration with the programs in the folder release, if their SHA-256 is in SUMS. A change that needs
# approval is deployed only if its fingerprint is in APPROVE. For another change, this exits with 3 and says what to do.
# The fingerprints name no package (REVIEWED): the reviewed tree stands for it.
set -euo pipefail
cd "$(dirname "$0")/../.."

output=$(mktemp)
trap 'rm -f "$output"' EXIT
if [ "$(cd release && sha256sum -- *)" != "$SUMS" ]; then
  echo "::error::The folder release does not contain what the job Build built" >&2
  exit 1
fi
chmod +x release/synth-aws

worst=0
for config in $(.github/scripts/configurations.sh HEAD); do
  architecture=$(release/synth-aws show architecture --config "$config")
  code=0
  echo "::group::$config"
  make deploy CONFIG="$config" PACKAGE="release/handler-$architecture.zip" \
    SYNTH_DEPLOY=release/synth-aws APPROVE="${APPROVE:-}" REVIEWED=1 2>&1 | tee "$output" || code=$?
  echo "::endgroup::"
  # make prints the exit code of its recipe, but exits with its own.
  if [ $code -ne 0 ] && grep -q '^make.*\] Error 3$' "$output"; then
    code=3
    echo "::error::$config was not deployed: the change needs approval, and another change or none was approved. Perhaps the \
stack was not at the previous state of main. Read the change above. To approve it, start this workflow by hand with the \
fingerprints shown there."
  fi
  # A failure is worse than a change that waits.
  if [ $code -ne 0 ] && [ $worst -ne 1 ]; then worst=$((code == 3 ? 3 : 1)); fi
done
exit $worst
