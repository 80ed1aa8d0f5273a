#!/usr/bin/env bash
# Brings deploy/compose.yaml up: builds the images, makes the secrets that are missing, starts everything and waits until it is healthy.
# Usage: deploy/up.sh [cpu|gpu|none]     which trainer; further arguments go to `docker compose up`. Needs Docker with compose 2.24 or newer.
set -euo pipefail
cd "$(dirname "$0")"
profile=${1:-cpu}
shift || true
secrets=${PELTON_SECRETS:-./secrets}
mkdir -p "$secrets" "${PELTON_MODELS:-./models}" "${PELTON_DATA:-./data}"
chmod 700 "$secrets"
compose=(docker compose)
"${compose[@]}" --profile "$profile" build --quiet
"${compose[@]}" run --rm --no-deps --user "$(id -u):$(id -g)" secrets
exec "${compose[@]}" --profile "$profile" up --detach --wait "$@"
