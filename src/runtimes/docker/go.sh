# Compiles a Go file in a session: `sh -c TEXT codebeaker FILE BUILD` leaves BUILD/run. Silent unless it fails.
set -u
# A name may begin with what is an option.
case $1 in /* | ./*) file=$1 ;; *) file=./$1 ;; esac
case $2 in /* | ./*) build=$2 ;; *) build=./$2 ;; esac
cache=${XDG_CACHE_HOME:-/tmp/.cache}
store=$cache/codebeaker

fail() {
    printf '%s\n' "$2" >&2
    exit "$1"
}
quietly() { output=$("$@" 2>&1) || fail $? "$output"; }

[ -f "$file" ] || fail 1 "$file: no such file"
quietly mkdir -p "$build" "$store"

# In a module the program may depend on more than the file, and only Go knows on what.
entry=
if [ ! -e go.mod ] && [ ! -e go.work ] && [ -z "${GO111MODULE-}" ]; then
    # The file's name is in the program, for its stack traces.
    set -- $({
        printf '%s\n' "$file" "${GOFLAGS-} ${GOEXPERIMENT-} ${CGO_ENABLED-}"
        cat "$file"
    } | { sha256sum || cksum; } 2>/dev/null)
    entry=$store/$1${2#-}
    if [ -x "$entry/run" ]; then
        touch "$entry" 2>/dev/null
        quietly ln -sf "$entry/run" "$build/run"
        exit
    fi
fi
command -v go >/dev/null || fail 127 'there is no Go compiler in this image: go is not in its PATH'

# What is the oldest here goes first, also what was left when a compiler was killed: /tmp is small.
ls -1t "$store" | tail -n +8 | while read -r old; do rm -rf "${store:?}/$old"; done
new=$(mktemp -d "$store/new.XXXXXX" 2>&1) || fail 1 "$new"
trap 'rm -rf "$new"' EXIT
trap 'exit 143' HUP INT TERM

# The image has the standard library compiled, where nobody can write.
GOCACHE=${GOCACHE:-$cache/go-build}
seed=/opt/codebeaker/go-build
if [ -d "$seed" ] && [ ! -e "$GOCACHE/seeded" ]; then
    mkdir -p "$GOCACHE"
    cp -rs "$seed/." "$GOCACHE/"
    : >"$GOCACHE/seeded"
fi 2>/dev/null

# Go counts what is done with it in files below the user's configuration unless it is told not to.
GOENV=${GOENV:-${XDG_CONFIG_HOME:-${HOME:-}/.config}/go/env}
XDG_CONFIG_HOME=$cache/go-config
telemetry=$XDG_CONFIG_HOME/go/telemetry
[ -e "$telemetry/mode" ] || { mkdir -p "$telemetry" && echo off >"$telemetry/mode"; } 2>/dev/null

# As many threads as the machine has cores is more than a session may have.
GOMAXPROCS=${GOMAXPROCS:-2}
GOTMPDIR=$new
export GOCACHE GOENV XDG_CONFIG_HOME GOMAXPROCS GOTMPDIR

# An embedded file, or one that C includes, is not in the hash.
if grep -q '^//go:embed' "$file"; then entry=; fi
if grep -q '^import "C"' "$file"; then
    entry=
    # The standard library is there without C, so Go leaves C out of everything.
    export CGO_ENABLED="${CGO_ENABLED:-1}"
fi

quietly go build -buildvcs=false -ldflags='-s -w' -o "$new/run" -- "$file"
if [ -z "$entry" ]; then
    quietly mv -f "$new/run" "$build/run"
else
    # Where another was faster this moves into its directory.
    quietly mv "$new" "$entry"
    rm -rf "$entry/${new##*/}"
    quietly ln -sf "$entry/run" "$build/run"
fi
