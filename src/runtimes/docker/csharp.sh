# Compiles a C# file in a session: `sh -c TEXT codebeaker FILE BUILD` leaves BUILD/run. Silent unless it fails.
set -u
# A name may begin with what is an option.
case $1 in /* | ./*) file=$1 ;; *) file=./$1 ;; esac
case $2 in /* | ./*) build=$2 ;; *) build=./$2 ;; esac
store=${XDG_CACHE_HOME:-/tmp/.cache}/codebeaker

fail() {
    printf '%s\n' "$2" >&2
    exit "$1"
}
quietly() { output=$("$@" 2>&1) || fail $? "$output"; }
compile() { output=$("$@" 2>&1) || fail $? "$(printf '%s\n' "$output" | sed "s|$new/||g")"; }
# Writes a file as `printf` does.
save() {
    to=$1
    shift
    { printf "$@" >"$to"; } 2>/dev/null || fail 1 "$to can't be written: is there space left?"
}
# The entry of a directory that has the highest version for its name: 10.0.1 is newer than 9.0.4.
newest() {
    set -- "$1" "$(ls -1 "$1" 2>/dev/null | sort -t. -k1,1n -k2,2n -k3,3n | tail -n 1)"
    [ -n "$2" ] && printf '%s\n' "$1/$2"
}

[ -f "$file" ] || fail 1 "$file: no such file"
quietly mkdir -p "$build" "$store"

set -- $({
    printf '%s\n' "$file"
    cat "$file"
} | { sha256sum || cksum; } 2>/dev/null)
entry=$store/$1${2#-}
if [ -x "$entry/run" ]; then
    touch "$entry" 2>/dev/null
    quietly ln -sf "$entry/run" "$build/run"
    exit
fi

# What is the oldest here goes first, also what was left when a compiler was killed: /tmp is small.
ls -1t "$store" | tail -n +8 | while read -r old; do rm -rf "${store:?}/$old"; done
new=$(mktemp -d "$store/new.XXXXXX" 2>&1) || fail 1 "$new"
trap 'rm -rf "$new"' EXIT
trap 'exit 143' HUP INT TERM

# To the compilers a quote, a comma or a star in a name means something.
source=$file
case $file in
*[!A-Za-z0-9_./\ -]*)
    source=$new/$(printf %s "${file##*/}" | tr -c 'A-Za-z0-9_.-' _)
    quietly cp "$file" "$source"
    ;;
esac

sdk=
if dotnet=$(command -v dotnet); then
    root=$(readlink -f "$dotnet")
    root=${root%/*}
    sdk=$(newest "$root/sdk")
    compiler=$sdk/Roslyn/bincore/csc.dll
    references=$(newest "$root/packs/Microsoft.NETCore.App.Ref") && references=$(newest "$references/ref")
    runtime=$(newest "$root/shared/Microsoft.NETCore.App")
    [ -f "$compiler" ] && [ -n "$references" ] && [ -n "$runtime" ] || sdk=
fi

if [ -n "$sdk" ]; then
    set -- exec "$compiler" -nologo -langversion:latest -out:"$new/program.dll"
    for assembly in "$references"/*.dll; do
        set -- "$@" -r:"$assembly"
    done
    major=${sdk##*/}
    major=${major%%.*}
    # What projects import without saying so, from C# 10 on.
    if [ "$major" -ge 6 ]; then
        save "$new/usings.cs" 'global using global::%s;\n' System System.Collections.Generic System.IO System.Linq \
            System.Net.Http System.Threading System.Threading.Tasks
        set -- "$@" "$new/usings.cs"
    fi
    # Without it, a file that says `#:property` is refused.
    [ "$major" -lt 10 ] || set -- "$@" -features:FileBasedProgram
    compile dotnet "$@" "$source"
    # `--fx-version` in its place is not enough: 3.1 then looks for a runtime beside the program.
    configuration='{"runtimeOptions":{"framework":{"name":"Microsoft.NETCore.App","version":"%s"}}}\n'
    save "$new/program.runtimeconfig.json" "$configuration" "${runtime##*/}"
    run="dotnet exec $entry/program.dll"
elif command -v mcs >/dev/null && command -v mono >/dev/null; then
    set -- -out:"$new/program.exe"
    libraries=$(readlink -f "$(command -v mono)")
    libraries=${libraries%/bin/*}/lib/mono/4.5
    for library in Microsoft.CSharp System.IO.Compression System.IO.Compression.FileSystem System.Net.Http \
        System.Numerics System.Runtime.Serialization System.Xml.Linq; do
        [ ! -e "$libraries/$library.dll" ] || set -- "$@" -r:"$library.dll"
    done
    compile mcs "$@" "$source"
    run="mono $entry/program.exe"
else
    fail 127 'there is no C# compiler in this image: neither the .NET SDK (dotnet) nor Mono (mcs and mono)'
fi

save "$new/run" '#!/bin/sh\nexec %s "$@"\n' "$run"
quietly chmod +x "$new/run"
# Where another was faster this moves into its directory.
quietly mv "$new" "$entry"
rm -rf "$entry/${new##*/}"
quietly ln -sf "$entry/run" "$build/run"
