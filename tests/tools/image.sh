#!/usr/bin/env bash
# Builds the image of deploy/Containerfile and tries it: a vault made, served over TLS, looked at, stopped; all as the
# docs say, read-only, without a capability. Needs podman or docker, and openssl.
#   BASE          another base image (BASE=registry.example/python:3.13-slim@sha256:...)
#   ENGINE        podman or docker, with its global options
#   BUILD_FLAGS   more for `build`;  RUN_FLAGS  more for `run`
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

ENGINE=${ENGINE:-$(command -v podman || command -v docker || true)}
[ -n "$ENGINE" ] || { echo 'image: neither podman nor docker is here' >&2; exit 1; }
read -ra engine <<<"$ENGINE"
read -ra build <<<"${BUILD_FLAGS:-}"
read -ra more <<<"${RUN_FLAGS:-}"
[ -z "${BASE:-}" ] || build+=(--build-arg "PYTHON=$BASE")

name=privet-try-$$
home=$(mktemp -d)
trap '"${engine[@]}" rm --force "$name" >/dev/null 2>&1 || true; "${engine[@]}" run --rm --pull never "${more[@]}" --user 0:0 --volume "$home:/home" --entrypoint /bin/rm "$name" -rf /home/vault >/dev/null 2>&1 || true; "${engine[@]}" rmi --force "$name" >/dev/null 2>&1 || true; rm -rf "$home"' EXIT

"${engine[@]}" build "${build[@]}" --file deploy/Containerfile --tag "$name" .

chmod 0711 "$home"
mkdir -m 0777 "$home/vault"
printf 'words that only this try knows' >"$home/passphrase"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$home/key.pem" -out "$home/certificate.pem" 2>/dev/null
chmod 0444 "$home"/*.pem "$home/passphrase" # of a minute's life; elsewhere they are their reader's alone

options=(--read-only --cap-drop ALL --security-opt no-new-privileges --tmpfs /tmp "${more[@]}"
    --volume "$home:/run/secrets:ro" --volume "$home/vault:/var/lib/privet/vault"
    --env PRIVET_PASSPHRASE_FILE=/run/secrets/passphrase
    --env PRIVET_SERVE__TLS_CERTIFICATE=/run/secrets/certificate.pem --env PRIVET_SERVE__TLS_KEY=/run/secrets/key.pem)

"${engine[@]}" run --rm "${options[@]}" "$name" init /var/lib/privet/vault >/dev/null
"${engine[@]}" run --detach --name "$name" "${options[@]}" "$name" serve --port "${PORT:-8443}" >/dev/null
for attempt in $(seq 60); do
    sleep 0.5
    if "${engine[@]}" exec "$name" /opt/privet/bin/python -I /opt/privet/healthcheck.py \
        "https://127.0.0.1:${PORT:-8443}/readyz" 2>/dev/null; then
        break
    fi
    [ "$attempt" -lt 60 ] || { "${engine[@]}" logs "$name" >&2; echo 'image: it did not get ready' >&2; exit 1; }
done
told=$("${engine[@]}" exec "$name" /opt/privet/bin/python -I -c '
import os
status = dict(line.split(":", 1) for line in open("/proc/1/status"))
print(os.getuid(), int(status["CapEff"], 16), os.access("/", os.W_OK))')
[ "$told" = '10001 0 False' ] || { echo "image: it may do too much: $told" >&2; exit 1; }
"${engine[@]}" stop --time 40 "$name" >/dev/null
code=$("${engine[@]}" inspect --format '{{.State.ExitCode}}' "$name")
[ "$code" = 0 ] || { "${engine[@]}" logs "$name" >&2; echo "image: it ended with $code" >&2; exit 1; }
echo 'image: built, served over TLS as 10001 without a capability, stopped in order'
