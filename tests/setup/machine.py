"""A make-believe machine for the set-up script: namespaces of its own, an empty disk, and programs that only pretend.

The script runs in it as root of a user namespace, with the real kernel and the real standard programs, but it sees a
root folder that holds nothing else. Engine, package manager and QEMU are the stand-ins in ``stand_ins/``. Whatever the
script does stays inside.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

SCRIPT: Final = Path(__file__).parents[2] / "qemu-setup.sh"
STAND_INS: Final = Path(__file__).parent / "stand_ins"

# What the make-believe machine must not take from the real one: whatever the script could use, install or start.
FOREIGN: Final = ("apt", "container", "ctr", "docker", "dpkg", "ip6tables", "iptables", "modprobe", "qemu", "systemctl")
FOREIGN_NAMES: Final = ("ip", "runc", "podman", "sudo")

FOLDERS: Final = (
    *("dev", "etc/alternatives", "etc/apt/sources.list.d", "opt", "proc", "root", "run", "standard", "sys", "tmp"),
    *("usr/bin", "usr/lib", "usr/lib64", "usr/sbin", "var/cache/apt", "var/lib", "var/log"),
)

DEBIAN_12: Final = 'PRETTY_NAME="Debian GNU/Linux 12"\nID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n'
DEBIAN_13: Final = 'PRETTY_NAME="Debian GNU/Linux 13"\nID=debian\nVERSION_ID="13"\nVERSION_CODENAME=trixie\n'
FEDORA: Final = 'PRETTY_NAME="Fedora Linux 40"\nID=fedora\nVERSION_ID=40\n'

SOURCES: Final = """\
Types: deb
URIs: http://mirror.invalid/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
"""

# Runs as root of the new namespaces, before the script does.
_ENTER: Final = """
set -e
root=$1; shift
mount --make-rprivate /
mount --rbind "$root" "$root"
cd "$root"
mount --bind "$1" standard; shift
for path in etc/alternatives usr/bin usr/sbin usr/lib usr/lib64 dev; do
  [ ! -d "/$path" ] || mount --rbind "/$path" "$path"
done
[ ! -d usr/lib/binfmt.d ] || mount -t tmpfs tmpfs usr/lib/binfmt.d
mount -t proc proc proc
mount -t sysfs sysfs sys
mount --rbind /sys/fs/cgroup sys/fs/cgroup
mount -t tmpfs tmpfs run
# A user namespace sees its parent's entries until it has had a binfmt_misc of its own.
mount -t binfmt_misc binfmt_misc proc/sys/fs/binfmt_misc
umount proc/sys/fs/binfmt_misc
"""
# Not chroot: in one, nobody may make a further user namespace, which is how a test stops being root.
_LEAVE: Final = """
pivot_root . .
umount -l .
PATH=/programs:/standard
exec "$@"
"""

_NAMESPACES: Final = (
    *("unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "--kill-child", "--net"),
    *("/bin/bash", "-c"),
)

AARCH64_MAGIC: Final = r"\x7fELF\x02\x01\x01" + r"\x00" * 9 + r"\x02\x00\xb7\x00"
AARCH64_MASK: Final = r"\xff" * 7 + r"\x00" + r"\xff" * 8 + r"\xfe\xff\xff\xff"

# A static x86-64 program: mov edi, 42; mov eax, 60 (exit); syscall.
_QEMU_STAND_IN: Final = (
    b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\0\x3e\0\x01\0\0\0\x78\0\x40" + bytes(5) + b"\x40" + bytes(19)
    + b"\x40\0\x38\0\x01" + bytes(7)
    + b"\x01\0\0\0\x05" + bytes(13) + b"\x40" + bytes(7) + b"\x40" + bytes(5) + b"\x84" + bytes(7) + b"\x84" + bytes(8)
    + b"\x10" + bytes(6)
    + b"\xbf\x2a\0\0\0\xb8\x3c\0\0\0\x0f\x05"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run of the script ended."""

    status: int
    output: str
    errors: str

    def row(self, name: str) -> str:
        """The table's row with this name."""
        return next(line for line in self.output.splitlines() if line.startswith(name))


@dataclass(slots=True)
class Machine:
    """The make-believe machine. Its files stay from one run to the next; its processes and mounts do not.

    Args:
        root: Its root folder.
        standard: A folder with the standard programs; see ``standard_programs``.
        os_release: What ``/etc/os-release`` says.
        commands: Shell commands that make it what it is before every run; the working folder is its root.
    """

    root: Path
    standard: Path
    os_release: str = DEBIAN_12
    commands: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for folder in FOLDERS:
            (self.root / folder).mkdir(parents=True)
        (self.root / "var/run").symlink_to("../run")
        for name in ("bin", "sbin", "lib", "lib64"):
            (self.root / name).symlink_to(f"usr/{name}")
        (self.root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/bash\n")
        (self.root / "etc/group").write_text("root:x:0:\n")
        (self.root / "etc/os-release").write_text(self.os_release)
        (self.root / "etc/apt/sources.list.d/debian.sources").write_text(SOURCES)
        self._add_programs()
        shutil.copy(SCRIPT, self.root / "root" / SCRIPT.name)

    def _add_programs(self) -> None:
        shutil.copytree(STAND_INS, self.root / "stand_ins")
        qemu = self.root / "stand_ins/qemu-aarch64-static"
        qemu.write_bytes(_QEMU_STAND_IN)
        qemu.chmod(0o755)
        self.state.mkdir()
        (self.state / "packages").touch()
        (self.root / "programs").mkdir()
        for name in ("apt-get", "dpkg", "dpkg-query", "groupdel"):
            shutil.copy(STAND_INS / name, self.root / "programs" / name)

    @property
    def state(self) -> Path:
        """What the stand-ins remember, and which faults they show (a file of the fault's name)."""
        return self.root / "state"

    @property
    def journal(self) -> Path:
        """The script's journal."""
        return self.root / "var/lib/lucid-image-setup/journal"

    def install(self, *packages: str) -> None:
        """Installs packages before the script first runs."""
        self.sh("apt-get install " + shlex.join(packages))

    def register_emulator(self, name: str, flags: str) -> None:
        """Gives the kernel an emulator for arm64 programs, of somebody else's."""
        program = ("" if "F" not in flags else str(self.root)) + "/stand_ins/qemu-aarch64-static"
        rule = f":{name}:M::{AARCH64_MAGIC}:{AARCH64_MASK}:{program}:{flags}"
        folder = "proc/sys/fs/binfmt_misc"
        self.commands += [
            f"mount -t binfmt_misc binfmt_misc {folder}",
            f"printf %s {shlex.quote(rule)} >{folder}/register",
        ]

    def put_program(self, name: str, lines: str) -> None:
        """Puts a shell script first on PATH."""
        program = self.root / "programs" / name
        program.write_text(f"#!/bin/bash\n{lines}\n")
        program.chmod(0o755)

    def files(self) -> dict[str, bytes | None]:
        """Everything on the machine's disk but logs and lists: the content by path, None for a folder."""
        found = {}
        for path in sorted(self.root.rglob("*")):
            name = str(path.relative_to(self.root))
            if not path.is_symlink() and not name.startswith(("state", "stand_ins", "var/cache")):
                found[name] = path.read_bytes() if path.is_file() else None
        return found

    def run(self, *options: str, environment: Mapping[str, str] | None = None) -> Outcome:
        """Runs the script."""
        return self._execute(["/root/qemu-setup.sh", *options], environment or {})

    def sh(self, commands: str) -> Outcome:
        """Runs shell commands, in which ``qemu-setup.sh`` is the script: several runs on a machine that stays on."""
        return self._execute(["bash", "-c", f"PATH=/programs:/standard:/root; {commands}"], {})

    def _execute(self, command: Sequence[str], environment: Mapping[str, str]) -> Outcome:
        enter = _ENTER + "\n".join(self.commands) + _LEAVE
        done = subprocess.run(
            [*_NAMESPACES, enter, "enter", str(self.root), str(self.standard), *command],
            env={"PATH": "/usr/sbin:/usr/bin", "HOME": "/root", "TERM": "dumb", **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)


def standard_programs(folder: Path) -> Path:
    """Fills a folder with links to the real machine's programs, without those that the script could use or start."""
    for source in (Path("/usr/bin"), Path("/usr/sbin")):
        for program in source.iterdir():
            link = folder / program.name
            if not program.name.startswith(FOREIGN) and program.name not in FOREIGN_NAMES and not link.is_symlink():
                link.symlink_to(program)
    return folder


def why_impossible() -> str:
    """Says why this kernel, or whatever limits this process, gives no make-believe machine; empty when it does."""
    command = "mount -t proc proc /proc && mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc"
    try:
        done = subprocess.run([*_NAMESPACES, command], capture_output=True, text=True, timeout=30, check=False)
    except OSError as problem:
        return str(problem)
    return "" if done.returncode == 0 else f"user namespaces: {done.stderr.strip()}"
