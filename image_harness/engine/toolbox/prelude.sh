# Read by the toolbox's own shell before each command: names that have to mean the container, not the tools at hand.
# shellcheck shell=dash

# The tools' shell counts itself; a command's environment is the container's alone.
unset SHLVL

_find() {
    case $1 in
    */*)
        [ -f "$1" ] && [ -x "$1" ] && echo "$1"
        return
        ;;
    esac
    local IFS=: directory
    for directory in $PATH; do
        [ -f "$directory/$1" ] && [ -x "$directory/$1" ] && echo "$directory/$1" && return
    done
    return 1
}

# The shell's own would end the container's processes.
kill() {
    local path
    path=$(_find kill) && {
        "$path" "$@"
        return
    }
    echo "sh: kill: not found" >&2
    return 127
}

# As bash has it, whose exit code is 1: other shells' 127 would be that of what could not be started.
command() {
    case $1 in
    -v | -V)
        [ "$2" = command ] && echo command && return
        _find "$2"
        ;;
    *) "$@" ;;
    esac
}

which() {
    local name status=0
    for name; do _find "$name" || status=1; done
    return $status
}

type() {
    _find "$1"
}

# As GNU has it: the last component may be missing.
realpath() {
    [ "$1" = -- ] && shift
    local path
    for path; do readlink -f -- "$path" || return 1; done
}

ls() {
    local option count=$#
    while [ "$count" -gt 0 ]; do
        option=$1
        shift
        # It is what busybox does anyway, without a word for it.
        [ "$option" = -q ] || set -- "$@" "$option"
        count=$((count - 1))
    done
    busybox ls "$@"
}

_hosts() {
    [ -f /etc/hosts ] && awk -v name="$1" '
        { sub(/#.*/, ""); for (i = 2; i <= NF; i++) if ($i == name) { print $1; next } }' /etc/hosts
}

# As inet_pton(3) reads them, with or without the interface of a link.
_is_address() {
    awk '
        function is_ipv4(text, parts, at) {
            if (split(text, parts, ".") != 4) return 0
            for (at = 1; at <= 4; at++)
                if (parts[at] !~ /^(0|[1-9][0-9]?[0-9]?)$/ || parts[at] + 0 > 255) return 0
            return 1
        }
        function groups(text, parts, count, at) {
            count = split(text, parts, ":")
            for (at = 1; at <= count; at++)
                if (parts[at] !~ /^[0-9A-Fa-f][0-9A-Fa-f]?[0-9A-Fa-f]?[0-9A-Fa-f]?$/) return 9
            return count
        }
        function is_ipv6(text, last, gap) {
            sub(/%.+$/, "", text)
            last = text
            sub(/.*:/, "", last)
            if (is_ipv4(last)) text = substr(text, 1, length(text) - length(last)) "0:0"
            gap = index(text, "::")
            if (!gap) return groups(text) == 8
            return groups(substr(text, 1, gap - 1)) + groups(substr(text, gap + 2)) < 8
        }
        BEGIN { exit !(is_ipv4(ARGV[1]) || is_ipv6(ARGV[1])) }' "$1"
}

_addresses() {
    _is_address "$1" && echo "$1" && return
    _hosts "$1" | grep . || nslookup "$1" 2>/dev/null | awk '/^Name:/ { found = 1 } found && /^Address/ { print $NF }'
}

# A file of accounts, the column of their numbers, and whose line of all.
_lines() {
    local file=$1 column=$2 key=$3
    [ -f "$file" ] || return 2
    [ $# -gt 2 ] || {
        cat "$file"
        return
    }
    [ -n "$key" ] || return 2
    awk -F: -v key="$key" -v column="$column" '
        $1 == key || (column && $column == key) { print; found = 1; exit } END { exit !found }' "$file" || return 2
}

getent() {
    local database=$1 pattern=. found address
    shift
    case $database in
    passwd | group) _lines "/etc/$database" 3 "$@" ;;
    shadow | gshadow) _lines "/etc/$database" "" "$@" ;;
    ahosts | ahostsv4 | ahostsv6 | hosts)
        [ "$database" = ahostsv4 ] && pattern='^[0-9.]*$'
        [ "$database" = ahostsv6 ] && pattern=:
        found=$(_addresses "$1" | grep "$pattern") || return 2
        for address in $found; do echo "$address STREAM $1"; done
        ;;
    *)
        echo "getent: unknown database $database" >&2
        return 1
        ;;
    esac
}
