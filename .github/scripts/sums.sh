#!/usr/bin/env bash
# Checks that the folder release contains the files whose SHA-256 is in SUMS, and no others, and adds the file SHA256SUMS.
set -euo pipefail
cd "$(dirname "$0")/../../release"

if [ "$(sha256sum -- * | sort)" != "$(grep . <<<"$SUMS" | sort)" ]; then
  echo "::error::The folder release does not contain what the jobs built" >&2
  exit 1
fi
sha256sum -- * >../SHA256SUMS
mv ../SHA256SUMS .
