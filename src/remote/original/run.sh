# Runs a program with what the server can't give it: where, with which input (base64, or - for none), for how many
# seconds at most (or -); then NAME=VALUE, the program and its arguments.
cd -- "$1" || exit 126
input=$2
seconds=$3
shift 3
if [ "$seconds" != - ] && command -v timeout >/dev/null; then
	set -- timeout -s KILL "$seconds" env "$@"
else
	set -- env "$@"
fi
if [ "$input" = - ]; then exec "$@"; fi
printf %s "$input" | base64 -d | "$@"
