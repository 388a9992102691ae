#!/usr/bin/env bash
# Compares each file in the folder release with its SHA-256 in SUMS. Other files are refused. Adds the file SHA256SUMS.
set -euo pipefail
cd "$(dirname "$0")/../../release"

if [ "$(sha256sum -- * | sort)" != "$(grep . <<<"$SUMS" | sort)" ]; then
  echo "::error::The folder release does not contain what the jobs built" >&2
  exit 1
fi
sha256sum -- * >../SHA256SUMS
mv ../SHA256SUMS .
