#!/usr/bin/env bash
# Judges a change: what it does to each stack, and whether it needs approval. The judge is this checkout, with its synth
# in SYNTH. The change is data: it is from the commit BASE to the commit HEAD of the repository in the folder CHANGE.
# The text goes to the job's summary. The step's outputs are:
#   needs-approval  true or false
#   fingerprints    what synth deploy demands an approval of
#   current         true if HEAD contains BASE
#   comment         the text, without what makes it too long
# To run it locally: cargo build --package synth && BASE=main .github/scripts/diff.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
export CHANGE="${CHANGE:-.}" LC_ALL=C
HEAD="${HEAD:-HEAD}"
SYNTH=$(realpath "${SYNTH:-target/debug/synth}")
LIMIT=58000 # Bytes. GitHub refuses a comment of more than 65,536 characters.
# Every other file can change what runs, and synth does not judge it.
export DATA='^[A-Za-z0-9][A-Za-z0-9._-]*\.yaml$|^(examples|templates)/[A-Za-z0-9._-]+\.(yaml|json|md)$|^[A-Za-z0-9._/-]+\.md$'

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/head"
reasons='' fingerprints='' sections=()

needs_approval() { reasons+="> - $1"$'\n'; }

# A text as a code block of plain ASCII. Nothing in it can be markup, mention a team or change the direction of text.
code() { head -c 4000 | tr -c '\n\t\040-\176' '?' | sed 's/^/    /'; }

# Writes a file of a commit. Fails if it is missing or no plain file, such as a symbolic link.
take() { # COMMIT FILE TO
  [[ $(git -C "$CHANGE" ls-tree "$1" -- "$2") == "100644 blob "* ]] && git -C "$CHANGE" cat-file blob "$1:$2" >"$3"
}

# Whether the change has anything of this name.
is_in_change() { # FILE
  [ -n "$(git -C "$CHANGE" ls-tree "$HEAD" -- "$1")" ]
}

unreadable() { # FILE ERRORS
  needs_approval "The \`synth\` of the base commit cannot read \`$1\`, so what the change does is unknown. A new setting is one reason."
  printf '%s cannot be read. What it does is **unknown**:\n\n%s\n\n' "\`$1\`" "$(code <"$2")"
}

# Writes a template of the change to a file. Fails if it is missing, and says so.
take_new() { # TEMPLATE TO
  take "$HEAD" "$1" "$2" 2>/dev/null && return
  needs_approval "\`$1\` is missing in the change, or is no plain file."
  printf '%s is missing in the change, or is no plain file. What the change does is **unknown**.\n\n' "\`$1\`"
  return 1
}

# Compares a template in both commits. The second template is that of the members, which the first one names.
compare() { # TEMPLATE [MEMBER-TEMPLATE]
  local new="$work/head/template" old="$work/old" members=() file fingerprint why
  if ! take "$from" "$1" "$old"; then
    echo '{"Resources": {}}' >"$old"
    printf 'This stack is new. Its first deployment is approved by hand.\n\n'
  fi
  take_new "$1" "$new" || return 0
  if [ $# -gt 1 ]; then
    take "$from" "$2" "$old-members" || echo '{"Resources": {}}' >"$old-members"
    take_new "$2" "$new-members" || return 0
    members=(--members "$old-members" "$new-members")
  fi
  if "$SYNTH" diff "$old" "$new" "${members[@]}" --format markdown --json "$work/diff" 2>"$work/errors" && python3 -c '
import json, sys
own = json.load(sys.stdin)
for file, diff in zip(sys.argv[1:], [own, own.get("members")]):
    if diff and diff["approval"]:
        print(diff["approval"]["fingerprint"], file, "; ".join(diff["approval"]["reasons"]))
' "$@" <"$work/diff" >"$work/approvals" 2>>"$work/errors"; then
    while read -r fingerprint file why; do
      needs_approval "\`$file\`: $why."
      fingerprints+="${fingerprints:+ }$fingerprint"
    done <"$work/approvals"
    # Warnings.
    if [ -s "$work/errors" ]; then printf '\n%s\n\n' "$(code <"$work/errors")"; fi
  else
    unreadable "$1" "$work/errors"
  fi
}

# Shows what the change does to the stack of a configuration.
judge() { # CONFIGURATION
  local own="templates/$1" member="templates/${1%.yaml}-member.yaml" artifacts="templates/${1%.yaml}-artifacts.yaml" file
  printf '\n#### %s\n\n' "\`$1\`"
  if ! is_in_change "$1"; then
    echo "The configuration is removed. Its stack stays as it is until \`make destroy\` deletes it."
    for file in "$own" "$member" "$artifacts"; do
      if is_in_change "$file"; then
        needs_approval "\`$file\` stays, but \`$1\` is removed."
      fi
    done
    return
  fi
  if ! take "$HEAD" "$1" "$work/head/$1"; then
    echo "it is not a plain file" >"$work/errors"
    unreadable "$1" "$work/errors"
  elif ! generate "$1"; then
    unreadable "$1" "$work/errors"
  else
    check_freshness "$own" "$1"
  fi
  # Without an organization, there are no members.
  if ! generate "$1" --member; then
    compare "$own"
    if is_in_change "$member" && ! is_in_change "${member#templates/}"; then
      needs_approval "\`$member\` stays, but \`$1\` has no organization."
    fi
    return
  fi
  check_freshness "$member" "$1"
  compare "$own" "$member"
  # judge_bucket shows the bucket of rotation.yaml, also without an organization.
  if [ "$1" != rotation.yaml ] && generate "$1" --artifacts; then
    printf '\n##### The bucket for packages\n\n'
    check_freshness "$artifacts" "$1"
    compare "$artifacts"
  fi
}

# Generates a template of a configuration of the change.
generate() { # CONFIGURATION OPTION...
  (cd "$work/head" && "$SYNTH" template --config "$@") >"$work/generated" 2>"$work/errors"
}

# Compares a committed template with the generated one. Only the generated one is deployed, so a comparison of stale
# templates would show something else.
check_freshness() { # TEMPLATE CONFIGURATION
  if take "$HEAD" "$1" "$work/committed" && ! cmp --quiet "$work/generated" "$work/committed"; then
    needs_approval "\`$1\` is not what \`$2\` generates."
    printf '%s is not what the configuration generates, so what the change does is **unknown**.\n\n' "\`$1\`"
  fi
}

# Lists the stacks of a commit, each with its configuration. A configuration that cannot be read has the stack "?".
stacks() { # COMMIT
  local config name
  for config in $(.github/scripts/configurations.sh "$1"); do
    name=$(take "$1" "$config" "$work/named" && "$SYNTH" show stack-name --config "$work/named" 2>/dev/null) || name="?"
    echo "$name $config"
  done
}

# Finds each configuration that names another stack than before, or the stack of another configuration. The templates do
# not show it, because they do not name the stack.
judge_stacks() {
  local reason
  stacks "$from" >"$work/before"
  stacks "$HEAD" >"$work/after"
  awk -v was="$work/before" 'BEGIN { while ((getline <was) > 0) { stack[$2] = $1; owner[$1] = $2 } }
    $1 == "?" { next }
    $1 in seen { print "`" $2 "` and `" seen[$1] "` have the same stack, `" $1 "`. Each deployment would undo the other." }
    $2 in stack && stack[$2] != $1 {
      print "`" $2 "` changes its stack from `" stack[$2] "` to `" $1 "`. The old stack stays, and its schedule continues."
    }
    !($2 in stack) && $1 in owner { print "`" $2 "` takes the stack `" $1 "`, which was that of `" owner[$1] "`." }
    { seen[$1] = $2 }' "$work/after" >"$work/reasons"
  while read -r reason; do needs_approval "$reason"; done <"$work/reasons"
}

# Shows what the change does to the bucket for packages. Its template is generated from rotation.yaml.
judge_bucket() {
  local template=templates/artifacts.yaml stale=
  if generate rotation.yaml --artifacts && { ! take "$HEAD" "$template" "$work/committed" || ! cmp --quiet "$work/generated" "$work/committed"; }; then
    needs_approval "\`$template\` is not what \`rotation.yaml\` generates."
    stale=true
  fi
  if [ -n "$stale" ] || ! git -C "$CHANGE" diff --quiet "$from" "$HEAD" -- "$template"; then
    printf '\n#### The bucket for packages\n\n'
    compare "$template"
  fi
}

# Keeps the output of a command as a section. It runs here, not in a subshell, because it also collects reasons.
section() {
  "$@" >"$work/section"
  if [ -s "$work/section" ]; then sections+=("$(<"$work/section")"); fi
}

current=true
from=$(git -C "$CHANGE" merge-base "$BASE" "$HEAD") || from=
if [ -z "$from" ] || [ "$from" != "$(git -C "$CHANGE" rev-parse --verify --quiet "$BASE^{commit}")" ]; then
  current=false
  needs_approval "The change does not contain the commit $BASE. Update the branch first; until then, no review counts."
fi
if [ -n "$from" ]; then
  files=$(git -C "$CHANGE" diff-tree -r --no-renames "$from" "$HEAD" | awk -F '\t' \
    '$2 !~ ENVIRON["DATA"] || $1 !~ /^:[0-9]+ (100644|000000) / { print $2 }')
  if [ -n "$files" ]; then
    needs_approval "It changes files that \`synth\` does not judge."
    sections+=("$(printf '\n#### Files that \140synth\140 does not judge\n\n%s' "$(head -n 30 <<<"$files" | cut -c 1-200 | code)")")
  fi
  for name in $({ .github/scripts/configurations.sh "$from"; .github/scripts/configurations.sh "$HEAD"; } | sort -u); do
    section judge "$name"
  done
  section judge_bucket
  judge_stacks
fi

approval=
if [ -n "$reasons" ]; then
  again=
  if [ "${FORK:-}" = true ]; then
    again="
> The change comes from a fork, so a review does not start the check again: then re-run the failed job **Approval**."
  fi
  approval="
> [!WARNING]
> **The change needs approval.** A code owner who is not its author must approve this commit in a review. After a push, review again.$again
>
$(head -n 40 <<<"$reasons")
"
  more=$(($(wc -l <<<"$reasons") - 41))
  if [ $more -gt 0 ]; then approval+="> - $more more reasons"$'\n'; fi
fi

# The first line identifies the comment for the next run.
comment="<!-- synth diff -->
### What this does to the stacks
$approval"
all="$comment"
end="
As of $(git -C "$CHANGE" rev-parse "$HEAD")."
left_out=0
for text in "${sections[@]}"; do
  all+="$text"$'\n'
  if [ $((${#comment} + ${#text} + ${#end})) -lt $LIMIT ]; then comment+="$text"$'\n'; else left_out=$((left_out + 1)); fi
done
if [ $left_out -gt 0 ]; then
  comment+=$'\n'"$left_out parts do not fit in here. The summary of this job shows them."$'\n'
fi
echo "$all$end" >>"${GITHUB_STEP_SUMMARY:-/dev/stdout}"

# No text contains its own digest. So no text can end the output early and set another one.
delimiter=$(git hash-object --stdin <<<"$comment$end")
cat >>"${GITHUB_OUTPUT:-/dev/null}" <<END
needs-approval=$([ -z "$reasons" ] && echo false || echo true)
fingerprints=$fingerprints
current=$current
comment<<$delimiter
$comment$end
$delimiter
END
