#!/bin/bash
# Does the gateway's main job once, without a person and without an account: creates a repo by the admin API, clones it,
# commits, pushes, clones it again, compares the two clones and stops the gateway. Exits 0 only if all of that went well.
#
#   Tests/Demo/run.sh [path of artifacts-gateway]
#
# Needs bash and git. Works in a temporary folder and on a port that the kernel picks; leaves nothing behind.
set -euo pipefail

gateway=$(realpath "${1:-.build/release/artifacts-gateway}")
work=$(mktemp -d "${TMPDIR:-/tmp}/artifacts-gateway-demo.XXXXXX")
process=

finish() {
  local code=$?
  if [[ -n $process ]]; then
    kill -KILL "$process" 2>/dev/null || true
    wait "$process" 2>/dev/null || true
  fi
  if ((code != 0)) && [[ -s $work/log ]]; then
    echo "demo: failed; the end of the gateway's log:" >&2
    tail -n 20 "$work/log" >&2
  fi
  rm -rf "$work"
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say() { printf 'demo: %s\n' "$*"; }
fail() { printf 'demo: %s\n' "$*" >&2; exit 1; }

# Nothing of this machine's or this user's git configuration or proxies may matter.
export HOME=$work GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null GIT_TERMINAL_PROMPT=0 LC_ALL=C no_proxy='*' NO_PROXY='*'
export GIT_AUTHOR_NAME=Demo GIT_AUTHOR_EMAIL=demo@localhost GIT_COMMITTER_NAME=Demo GIT_COMMITTER_EMAIL=demo@localhost
for name in ${!ARTIFACTS_GATEWAY_@}; do unset "$name"; done

# 1. Start. The gateway says on stderr where it listens; the pipe ends when the gateway does, so nothing waits for ever.
mkfifo "$work/stderr"
"$gateway" serve --local --data-dir "$work/data" --listen 127.0.0.1:0 --log-format json \
  >"$work/stdout" 2>"$work/stderr" </dev/null &
process=$!
exec 3<"$work/stderr"
port=
while IFS= read -r -t 30 line <&3; do
  printf '%s\n' "$line" >>"$work/log"
  if [[ $line =~ \"message\":\"listening\",\"address\":\"127\.0\.0\.1:([0-9]+)\" ]]; then
    port=${BASH_REMATCH[1]}
    break
  fi
done
[[ -n $port ]] || fail "the gateway did not start"
cat <&3 >>"$work/log" &
base=http://localhost:$port
say "the gateway listens on 127.0.0.1:$port, with an Artifacts service of its own in $work/data"

# 2. Create a repo. Plain HTTP by bash itself: a bare Debian has no curl.
exec 4<>"/dev/tcp/127.0.0.1/$port"
printf 'PUT /api/v1/repos/demo HTTP/1.1\r\nHost: localhost:%s\r\nConnection: close\r\nContent-Length: 0\r\n\r\n' "$port" >&4
IFS= read -r -t 30 status <&4 || fail "no answer to PUT /api/v1/repos/demo"
while IFS= read -r -t 30 line <&4 && [[ $line != $'\r' ]]; do :; done
IFS= read -r -t 30 body <&4 || true
exec 4<&- 4>&-
[[ $status == 'HTTP/1.1 201 '* ]] || fail "PUT /api/v1/repos/demo: ${status%$'\r'} $body"
say "PUT /api/v1/repos/demo: ${status%$'\r'}"

# 3. Clone, commit, push.
git clone --quiet "$base/git/demo" "$work/first" 2>"$work/clone" || { cat "$work/clone" >&2; fail "git clone"; }
say "git clone $base/git/demo: an empty repo"
cd "$work/first"
git checkout --quiet -B main
printf '# demo\n\nPushed through the gateway.\n' >README.md
# More than 1 MiB that does not compress: git then sends its push in chunks, after a probe.
head -c 3000000 /dev/urandom >noise.bin
git add .
git commit --quiet --message 'First commit'
say "git commit: $(git log -1 --format='%h %s')"
git push --quiet origin main
say "git push: main is at $(git rev-parse --short HEAD)"

# 4. Clone again and compare: the commit, and every file.
git clone --quiet "$base/git/demo" "$work/second"
say "git clone $base/git/demo: main is at $(git -C "$work/second" rev-parse --short HEAD)"
[[ $(git rev-parse HEAD) == "$(git -C "$work/second" rev-parse HEAD)" ]] || fail "the two clones are at different commits"
git -C "$work/second" fsck --strict --no-dangling >/dev/null 2>&1 || fail "the second clone is damaged"
diff --recursive --exclude=.git "$work/first" "$work/second" || fail "the two clones differ"
say "the two clones are equal"
cd /

# 5. Stop.
kill -TERM "$process"
for ((tenth = 0; tenth < 300; tenth++)); do
  kill -0 "$process" 2>/dev/null || break
  sleep 0.1
done
kill -0 "$process" 2>/dev/null && fail "the gateway did not stop within 30 s of SIGTERM"
code=0
wait "$process" || code=$?
process=
((code == 0)) || fail "the gateway ended with exit code $code"
say "SIGTERM: the gateway stopped with exit code 0"
