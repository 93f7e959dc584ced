#!/usr/bin/env bash
# Checks everything: formatting, vet, staticcheck, the build and all tests, with
# the race detector and the real clients. Arguments are passed on to go test:
#
#   ./test.sh -run TestCLI
#
# What is missing is installed from Debian's packages where that is possible.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

say() { printf '== %s\n' "$*" >&2; }

command -v go >/dev/null || { say "Go is missing: see https://go.dev/dl/ for the version that go.mod names"; exit 1; }

# The clients, and the C compiler that the race detector needs.
missing=()
{ aws --version || /usr/bin/aws --version; } >/dev/null 2>&1 || missing+=(awscli)
python3 -c 'import boto3' 2>/dev/null || /usr/bin/python3 -c 'import boto3' 2>/dev/null || missing+=(python3-boto3)
command -v "$(go env CC)" >/dev/null || missing+=(gcc libc6-dev)
command -v chromium >/dev/null || command -v google-chrome >/dev/null || missing+=(chromium)
if ((${#missing[@]})); then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >&2
    apt-get install -qq -y --no-install-recommends "${missing[@]}" >&2
  else
    say "these Debian packages are missing, install them as root: apt-get install ${missing[*]}"
    command -v "$(go env CC)" >/dev/null || exit 1
    [ -z "${CI:-}" ] || exit 1
    say "going on without: the tests that need them are skipped"
  fi
fi

# What the console's app is built of, and axe: where there is Node with npm 11 or newer.
if ! [ -d web/node_modules ]; then
  npm=$(npm --version 2>/dev/null || echo 0)
  if [ "${npm%%.*}" -ge 11 ]; then
    (cd web && npm ci --ignore-scripts --no-audit --no-fund >&2) || say "npm ci failed: the console's app is not rebuilt and compared"
  else
    say "no npm 11: the console's app is not rebuilt and compared"
  fi
fi

tool() { go tool -modfile=tools.mod "$@"; }

say "formatting"
unformatted=$(tool gofumpt -l .)
if [ -n "$unformatted" ]; then
  say "not formatted; run: go tool -modfile=tools.mod gofumpt -w ."
  printf '%s\n' "$unformatted" >&2
  exit 1
fi

say "vet"
go vet ./...

say "staticcheck"
tool staticcheck ./...

say "build"
go build ./...

say "the embedded cluster"
go vet -tags cluster ./cmd/... ./internal/cli ./internal/cluster
CGO_ENABLED=1 go test -race -count=1 -tags cluster ./internal/cluster

say "tests"
exec env CGO_ENABLED=1 go test -race -count=1 -timeout 20m "$@" ./...
