#!/usr/bin/env bash
# Builds a part of a release into the folder release: `handler` for both processors, or synth with the given ending of its
# name, for this system. Sets the step's outputs: `sums`, their SHA-256, and `tools`, the versions that built them. To run it
# locally: .github/scripts/release.sh handler
set -euo pipefail
cd "$(dirname "$0")/../.."

version=$(sed -n '/^\[workspace.package\]/,/^version/s/^version = "\(.*\)"/\1/p' Cargo.toml)
if [ "${GITHUB_REF_NAME:-v$version}" != "v$version" ]; then
  echo "::error::The tag $GITHUB_REF_NAME is not of the version in Cargo.toml, $version" >&2
  exit 1
fi

rm -rf release
mkdir release
if [ "$1" = handler ]; then
  for architecture in arm64 x86_64; do
    rustup target add "${architecture/arm64/aarch64}-unknown-linux-gnu"
    make build ARCH="$architecture"
    cp "target/lambda/$architecture/lambda/bootstrap.zip" "release/handler-$architecture.zip"
  done
else
  cargo build --quiet --release --locked --package synth --features deploy
  cp target/release/synth "release/synth-$1"
fi

# macOS has another program for this.
sums=$(cd release && { sha256sum -- * 2>/dev/null || shasum -a 256 -- *; })
tools=$(rustc -vV)
if [ "$1" = handler ]; then
  # pip installs exactly these versions.
  tools+=$'\n'$(sed -nE 's/^(cargo-lambda|ziglang)==([^ ;\\]*).*/\1 \2/p' tests/local-aws/requirements.txt)
fi
printf '%s<<END\n%s\nEND\n' sums "$sums" tools "$tools" | tee -a "${GITHUB_OUTPUT:-/dev/null}"
