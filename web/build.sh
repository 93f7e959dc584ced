#!/usr/bin/env bash
# Builds the console's web app to dist, which is committed: the only way in
# which dist changes. Needs Node 20 with npm 11 or newer.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
npm ci --ignore-scripts --no-audit --no-fund
npx tsc --noEmit
npx vite build --emptyOutDir "$@"
