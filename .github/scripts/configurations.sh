#!/usr/bin/env bash
# Lists the configurations in a commit of the repository in the folder CHANGE: every NAME.yaml at the top level is one.
# Its template is templates/NAME.yaml. To run it locally: .github/scripts/configurations.sh HEAD
set -euo pipefail
git -C "${CHANGE:-.}" ls-tree --name-only "$1" | grep -E '^[A-Za-z0-9][A-Za-z0-9._-]*\.yaml$' || true
