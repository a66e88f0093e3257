#!/usr/bin/env bash
# Gets OPA and Regal into .tools/bin, in the versions that go.mod pins: links those on PATH when they fit, else
# builds them with Go; and, ours, the benches' load generator and a front to CockroachDB's own SQL parser. Exits 1 with a sentence when it can do neither.
# With a name (`build.sh load`) it gets that one only.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bin=$here/../../.tools/bin
mkdir -p "$bin"
bin=$(cd "$bin" && pwd)

wanted() { sed -n "s|^.*github.com/open-policy-agent/$1 v\([0-9.]*\).*|\1|p" "$here/go.mod"; }
has() { "$2" version 2>/dev/null | grep -qE "^Version: +v?$(wanted "$1" | sed 's/\./\\./g')\$"; }

build=()
for tool in ${1:-opa regal load cockroach-parse}; do
    if [ "$tool" = load ]; then
        [ "$bin/load" -nt "$here/load/main.go" ] || build+=(load)
    elif [ "$tool" = cockroach-parse ]; then
        [ "$bin/$tool" -nt "$here/cockroach/go.mod" ] && [ "$bin/$tool" -nt "$here/cockroach/main.go" ] || build+=("$tool")
    elif [ -x "$bin/$tool" ] && has "$tool" "$bin/$tool"; then
        continue
    elif found=$(command -v "$tool") && has "$tool" "$found"; then
        ln -sf "$found" "$bin/$tool"
    else
        build+=("$tool")
    fi
done
[ ${#build[@]} -gt 0 ] || exit 0

go=$(sed -n 's/^go //p' "$here/go.mod")
if ! command -v go >/dev/null; then
    [ "${build[*]}" != load ] || { echo "tools: no Go $go, so no load generator: nothing but benches needs it" >&2; exit 0; }
    echo "tools: ${build[*]} needed, and there is no Go to build with. Install Go $go or later, or put" \
        "opa $(wanted opa) and regal $(wanted regal) on PATH." >&2
    exit 1
fi
for tool in "${build[@]}"; do
    if [ "$tool" = load ]; then
        (cd "$here" && GOFLAGS='-mod=readonly -buildvcs=false' go build -trimpath -ldflags '-s -w' -o "$bin/load" ./load)
        continue
    fi
    if [ "$tool" = cockroach-parse ]; then
        echo "tools: building CockroachDB's parser (two minutes, once)"
        (cd "$here/cockroach" && GOFLAGS='-mod=readonly -buildvcs=false' nice -n 10 go build -trimpath -ldflags '-s -w' -o "$bin/$tool" .)
        continue
    fi
    version=$(wanted "$tool")
    echo "tools: building $tool $version (a few minutes, once)"
    (cd "$here" && GOFLAGS='-mod=readonly -buildvcs=false' nice -n 10 go build -trimpath \
        -ldflags "-s -w -X github.com/open-policy-agent/regal/pkg/version.Version=$version" \
        -o "$bin/$tool" "github.com/open-policy-agent/$tool") || {
        echo "tools: $tool could not be built. It needs Go $go or later (this is $(go env GOVERSION)) and the Go" \
            "module proxy; or put $tool $version on PATH." >&2
        exit 1
    }
done
