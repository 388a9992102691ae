#!/usr/bin/env bash
# Builds what a deployment needs into the folder release: synth with AWS, and the handler for each architecture of a
# configuration. Sets the step's output `sums`, their SHA-256. To run it locally: .github/scripts/build.sh
set -euo pipefail
cd "$(dirname "$0")/../.."

rm -rf release
mkdir release
for config in $(.github/scripts/configurations.sh HEAD); do
  architecture=$(cargo run --quiet --locked --package synth -- show architecture --config "$config")
  if [ ! -e "release/handler-$architecture.zip" ]; then
    rustup target add "${architecture/arm64/aarch64}-unknown-linux-gnu"
    make build ARCH="$architecture"
    cp "target/lambda/$architecture/lambda/bootstrap.zip" "release/handler-$architecture.zip"
  fi
done
make deployer
cp target/debug/synth-aws release

sums=$(cd release && sha256sum -- *)
printf 'sums<<END\n%s\nEND\n' "$sums" | tee -a "${GITHUB_OUTPUT:-/dev/null}"
