#!/bin/bash
# Runs all tests that are built: those that start programs beside all others, since both wait most of the time.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

program=$(swift build --show-bin-path)/artifacts-gatewayPackageTests.xctest
tests() { "$program" --testing-library swift-testing --no-parallel "$@" 2>&1; }

tests --filter '^EndToEndTests\.' > .build/test-programs.log &
programs=$!
trap 'kill "$programs" 2> /dev/null' EXIT
tests --skip '^EndToEndTests\.' | tee .build/test.log
others=${PIPESTATUS[0]}
wait "$programs"
programs=$?
trap - EXIT
cat .build/test-programs.log

if (( others || programs )); then
  echo "What failed:"
  grep -hE '✘|error:|Fatal|Crash' .build/test.log .build/test-programs.log
  exit 1
fi
