#!/usr/bin/env bash
# Publishes the files in the folder release under the tag GITHUB_REF_NAME. The notes have the versions of the tools, in
# HANDLER_TOOLS and SYNTH_TOOLS, so that a user can build the files again.
set -euo pipefail
cd "$(dirname "$0")/../.."

notes="CHANGELOG.md lists what changed.

\`make build\` gives the same handler with these tools:

\`\`\`
$HANDLER_TOOLS
\`\`\`

\`synth\` was built with these:

\`\`\`
$SYNTH_TOOLS
\`\`\`"

# A job that was stopped leaves a draft. A release that users may have downloaded does not change.
case $(gh release view "$GITHUB_REF_NAME" --json isDraft --jq .isDraft || echo none) in
  true)
    gh release upload "$GITHUB_REF_NAME" release/* --clobber
    gh release edit "$GITHUB_REF_NAME" --verify-tag --draft=false --title "$GITHUB_REF_NAME" --notes "$notes"
    ;;
  false)
    echo "::error::The release $GITHUB_REF_NAME is already published, and its files stay. To publish other files," \
      "release a new version" >&2
    exit 1
    ;;
  *) gh release create "$GITHUB_REF_NAME" release/* --verify-tag --title "$GITHUB_REF_NAME" --notes "$notes" ;;
esac
