#!/bin/bash
# Fuzzes what reads a peer's bytes: run.sh [seconds per target] [target...]
# Inputs that were found stay in .build/fuzz/corpus; a finding is kept as .build/fuzz/<target>-crash-*.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
seconds=${1:-10}
shift || true
out=.build/fuzz
mkdir -p "$out/corpus"

flags=(-swift-version 6 -O -wmo -package-name artifacts_gateway -parse-as-library
  -sanitize=fuzzer,address -I "$out" -I Sources/CNghttp2 -I Sources/CZlib
  -enable-upcoming-feature ExistentialAny -enable-upcoming-feature InternalImportsByDefault
  -enable-upcoming-feature MemberImportVisibility -enable-upcoming-feature NonisolatedNonsendingByDefault)

# One module of the program, or of the fuzzing, and only if something in it or below it has changed.
module() {
  local name=$1 folder=$2
  if [[ -e $out/$name.o && -z $(find "$folder" Tests/Fuzz/run.sh -name '*.s*' -newer "$out/$name.o") && -z ${rebuilt:-} ]]; then
    return
  fi
  echo "compiling $name"
  find "$folder" -name '*.swift' -print0 | sort -z | xargs -0 \
    swiftc "${flags[@]}" -module-name "$name" -emit-module -emit-module-path "$out/$name.swiftmodule" -c -o "$out/$name.o"
  rebuilt=yes
}
module HTTPCore Sources/HTTPCore
module GitProtocol Sources/GitProtocol
module Fuzzing Tests/Fuzz/Targets
module FuzzDriver Tests/Fuzz/Driver
if [[ -n ${rebuilt:-} || ! -e $out/fuzz ]]; then
  swiftc -sanitize=fuzzer,address -use-ld=lld "$out"/{HTTPCore,GitProtocol,Fuzzing,FuzzDriver}.o -o "$out/fuzz" \
    $(pkg-config --libs libnghttp2 zlib)
fi

(($#)) || set -- $(cd Tests/Fuzz/Corpus && echo *)
# The backtrace of a crash takes minutes; the sanitizer's own is enough.
export SWIFT_BACKTRACE=enable=no
status=0
for target; do
  mkdir -p "$out/corpus/$target"
  echo "fuzzing $target for $seconds s"
  FUZZ_TARGET=$target "$out/fuzz" -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=1024 \
    -print_final_stats=1 -verbosity=0 -artifact_prefix="$out/$target-" \
    "$out/corpus/$target" "Tests/Fuzz/Corpus/$target" 2>&1 | { grep -E 'FINDING|ERROR|SUMMARY|#[0-9] |artifact|stat::(number|peak|average)' || true; } || status=1
done
exit "$status"
