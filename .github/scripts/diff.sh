#!/usr/bin/env bash
# Shows in the job's summary what a change does to the stack. Sets the step's outputs: the text as `comment`, and
# whether the change `needs-approval`. To run it locally: BASE=main .github/scripts/diff.sh
set -euo pipefail
cd "$(dirname "$0")/../.."

reasons=$(mktemp)
trap 'rm -f "$reasons"' EXIT
code=0
diff=$(cargo run --quiet --locked --package synth -- \
  diff --base "$BASE" --format markdown --fail-on broader,replace,delete 2>"$reasons") || code=$?
cat "$reasons" >&2

case $code in
  0) needs_approval=false approval= ;;
  3)
    needs_approval=true
    approval="> [!WARNING]
> $(<"$reasons"). To approve it, add the label \`${APPROVAL_LABEL:-approved-iam-change}\`; a push needs a new approval.

"
    ;;
  *) exit "$code" ;;
esac

# The first line identifies the comment for the next run.
comment="<!-- synth diff -->
### What this does to the stack

$approval$diff

As of ${COMMIT:-$(git rev-parse HEAD)}."

echo "$comment" >>"${GITHUB_STEP_SUMMARY:-/dev/stdout}"
# No text contains its own digest. So no text can end the output early and set another one.
end=$(git hash-object --stdin <<<"$comment")
cat >>"${GITHUB_OUTPUT:-/dev/null}" <<END
needs-approval=$needs_approval
comment<<$end
$comment
$end
END
