#!/usr/bin/env bash
# What the action does; see action.yml for the variables. Exits as `fwadvisor diff` does.
set -euo pipefail

escaped() { # Text as the message of a workflow command.
  local text=${1//'%'/%25}
  text=${text//$'\r'/%0D}
  printf '%s' "${text//$'\n'/%0A}"
}

answer() { # Set an output of the step.
  printf '%s=%s\n' "$1" "$2" >> "$GITHUB_OUTPUT"
}

refuse() {
  answer answer error
  printf '::error title=fwadvisor::%s\n' "$(escaped "$1")"
  exit 2
}

rules=${FWADVISOR_RULES:?}
base=${FWADVISOR_BASE:-}
sarif=${FWADVISOR_SARIF:-}
case "$rules$sarif" in *$'\n'*) refuse "rules and sarif are one path each" ;; esac
case "$rules" in /* | -* | *:* | ../* | */../*) refuse "rules is a path inside the repository, not $rules" ;; esac

if [ "${FWADVISOR_INSTALL:-true}" = true ]; then
  python3 -m pip install --quiet -- "$GITHUB_ACTION_PATH/../../.." || refuse "fwadvisor cannot be installed"
fi

if [ -z "$base" ]; then
  [ -n "${GITHUB_BASE_REF:-}" ] || refuse "this is no pull request: say with base what to compare with"
  # A checkout of depth 1 does not have the base branch.
  git fetch --quiet --no-tags --depth=1 origin "+refs/heads/$GITHUB_BASE_REF:refs/fwadvisor/base" ||
    refuse "the base branch $GITHUB_BASE_REF cannot be fetched"
  base=refs/fwadvisor/base
fi
base=$(git rev-parse --verify --quiet --end-of-options "$base^{commit}") ||
  refuse "there is no revision $FWADVISOR_BASE: fetch it first (fetch-depth: 0)"

if ! git cat-file -e "$base:./$rules" 2> /dev/null; then
  answer answer different
  printf '::notice title=fwadvisor::%s\n' "$(escaped "$rules is new: there is nothing to compare it with")"
  exit 0
fi

# The runner shows annotations that are written to standard output.
status=0
fwadvisor diff --format github --fail-on "${FWADVISOR_FAIL_ON:-high}" -- "$base:./$rules" "$rules" || status=$?
[ "$status" -le 1 ] || refuse "the rules cannot be compared; the log says why"
changed=0
fwadvisor diff --format markdown -- "$base:./$rules" "$rules" 2> /dev/null >> "$GITHUB_STEP_SUMMARY" || changed=$?
[ "$changed" -le 1 ] || refuse "the summary cannot be written"
if [ -n "$sarif" ]; then
  fwadvisor diff --format sarif --exit-zero --output "$sarif" --quiet -- "$base:./$rules" "$rules" 2> /dev/null ||
    refuse "$sarif cannot be written"
  answer sarif "$sarif"
fi
if [ "$changed" = 0 ]; then answer answer same; else answer answer different; fi
exit "$status"
