"""Which command goes where: to the toolbox's shell, or to the image's own program."""

from __future__ import annotations

import re
import shlex

# What looks, computes or controls the flow of a script. Every other name means a program of the image.
_TOOL_NAMES = """
[ [[ ascii awk base64 basename bc bzcat busybox cal cat cksum cmp comm cpio crc32 cut date dc dd df diff dirname du echo
egrep env expand expr factor false fgrep find fold free getent getopt grep groups hd head hexdump hostid hostname id
ifconfig ip ipcalc last less ls lsmod lzcat md5sum nc netstat nl nproc nslookup od paste pgrep pidof ping ping6 pmap
printenv printf ps pstree pwd readlink realpath rev route sed seq sha1sum sha256sum sha3sum sha512sum shuf sleep sort
stat strings sum sysctl tac tail tar test time timeout tr traceroute true tsort tty uname unexpand uniq uptime wc which
who whoami xargs xxd xzcat yes zcat
"""
_BUILTIN_NAMES = """
. : break case cd command continue do done elif else esac eval exec exit export fi for function if let local read return
set shift then trap type umask unset until wait while {
"""
TOOLS = frozenset(_TOOL_NAMES.split())
BUILTINS = frozenset(_BUILTIN_NAMES.split())
# What the prelude defines anew.
REPLACED = frozenset({"command", "getent", "ls", "realpath", "type", "uname", "which"})
# Beyond single quotes, these make more of a text than a program and its arguments.
_MORE = re.compile(r"[|&;<>()$`\\\"*?\[\]#~{}!\n]")
_NOT_STARTED = (
    re.compile(
        rb"^sh: (?:line \d+: |eval: |exec: )*(?P<name>.+): (?:not found|Permission denied|Exec format error)$",
        re.MULTILINE,
    ),
    # How timeout, xargs, env and their like put it.
    re.compile(rb"^\w+: can't execute '(?P<name>.+)': .+$", re.MULTILINE),
    re.compile(rb"^xargs: (?!can't )(?P<name>.+): (?:No such file or directory|Permission denied)$", re.MULTILINE),
    re.compile(rb"^(?P<name>.+): applet not found$", re.MULTILINE),
)
# It says the same of a file that is not there.
_NOT_STARTED_BY_FIND = re.compile(
    rb"^find: (?P<name>.+): (?:No such file or directory|Permission denied)$", re.MULTILINE
)
_TO_START = re.compile(r"-exec\s+['\"]?(?P<name>[^\s'\"]+)")


def simple_words(command: str) -> list[str] | None:
    """The words of a command that is no more than a program and its arguments; None when it takes a shell."""
    bare = re.sub(r"'[^']*'", "", command)
    if _MORE.search(bare):
        return None
    try:
        words = shlex.split(command)
    except ValueError:
        return None
    # "A=b program" sets a variable, which is the shell's business.
    return words if words and "=" not in words[0] else None


def is_image_program(name: str) -> bool:
    """Whether a command's first word means a program of the image rather than a tool or a word of the shell."""
    return name not in TOOLS and name not in BUILTINS


def missing_program(stderr: bytes, command: str) -> str | None:
    """The program that a command line could not start, as it says itself; None when it started everything."""
    matches = (pattern.search(stderr) for pattern in _NOT_STARTED)
    names = [match["name"].decode(errors="replace") for match in matches if match]
    absent = {match["name"].decode(errors="replace") for match in _NOT_STARTED_BY_FIND.finditer(stderr)}
    names += [match["name"] for match in _TO_START.finditer(command) if match["name"] in absent]
    return names[0] if names else None
