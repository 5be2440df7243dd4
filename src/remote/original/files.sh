# A file command where there is a POSIX shell: its name, then its arguments. Says how it went in the first line.
end() { echo "$1"; exit 0; }
parent() { case $1 in */*) d=${1%/*}; [ -z "$d" ] || mkdir -p -- "$d" || exit 1 ;; esac }
name=$1
path=$2
shift 2
case $name in
write)
	[ ! -d "$path" ] || end directory
	parent "$path"
	if [ "$1" = new ]; then : >"$path" || exit 1; fi
	shift
	for part; do printf %s "$part"; done | base64 -d >>"$path" || exit 1
	end ok
	;;
read)
	[ -e "$path" ] || end missing
	[ ! -d "$path" ] || end directory
	[ -f "$path" ] || end irregular
	size=$(wc -c <"$path") || exit 1
	echo ok
	echo $size
	head -c "$1" -- "$path" | base64
	;;
make)
	if [ "$1" = deep ]; then mkdir -p -- "$path" || exit 1; end ok; fi
	[ ! -e "$path" ] || end exists
	mkdir -- "$path" || exit 1
	end ok
	;;
copy)
	[ -e "$path" ] || end missing
	[ ! -d "$path" ] || end directory
	[ "$2" = over ] || [ ! -e "$1" ] || end exists
	[ ! -d "$1" ] || end directory
	if [ ! "$path" -ef "$1" ]; then parent "$1"; cp -- "$path" "$1" || exit 1; fi
	size=$(wc -c <"$1") || exit 1
	echo ok
	echo $size
	;;
delete)
	[ -e "$path" ] || [ -L "$path" ] || end missing
	if [ -L "$path" ] || [ ! -d "$path" ]; then rm -f -- "$path" || exit 1; end ok; fi
	if [ "$1" = deep ]; then rm -rf -- "$path" || exit 1; end ok; fi
	[ -z "$(ls -A -- "$path")" ] || end full
	rmdir -- "$path" || exit 1
	end ok
	;;
list)
	[ -e "$path" ] || end missing
	[ -d "$path" ] || end plain
	cd -- "$path" || exit 1
	echo ok
	hidden='.?*'
	[ "$2" != hidden ] || hidden=
	find . -mindepth 1 -maxdepth "$1" -name "$hidden" -prune -o -exec stat -c '%f %s %Y %n' {} + | head -n "$3"
	;;
esac
