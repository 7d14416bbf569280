"""A process that has entered a container's namespaces, looks at files and starts programs there on request.

Run as a script by the host's interpreter, with as few modules as possible: every request forks this process. It stays
outside the container's PID namespace, so that nobody inside can see it; what it starts is inside.

Arguments: control socket, the program's file, PID of the container's first process; the first two as file descriptors.
"""

import ctypes
import errno
import json
import os
import select
import signal
import socket
import stat
import sys
from typing import Any

# linux/sched.h, in the order in which they are entered; the mount namespace last, since it changes what paths mean.
NAMESPACES = (("ipc", 0x08000000), ("uts", 0x04000000), ("net", 0x40000000), ("pid", 0x20000000), ("mnt", 0x00020000))
USER_NAMESPACE = ("user", 0x10000000)
# linux/prctl.h and linux/capability.h
PR_SET_PDEATHSIG, PR_SET_KEEPCAPS, PR_SET_SECUREBITS, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 8, 28, 36, 38
PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 47, 2
SECBIT_NOROOT = 0b11
CAPABILITY_VERSION_3 = 0x20080522
# What looking needs: to read what the user may not, and to send an echo request.
CAP_DAC_READ_SEARCH, CAP_NET_RAW = 2, 13

LIBC = ctypes.CDLL(None, use_errno=True)


def call(name: str, *arguments: object) -> None:
    """Call a function of the C library that returns -1 when it fails."""
    if getattr(LIBC, name)(*arguments) == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def enter(pid: int) -> None:
    """Enter the namespaces of a process."""
    names = list(NAMESPACES)
    ours, theirs = (os.stat(f"/proc/{who}/ns/user").st_ino for who in ("self", pid))  # noqa: PTH116 - pathlib is slow
    if ours != theirs:
        # Without privileges here, those of the container's own user namespace are needed to enter the others.
        names.insert(len(names) if os.geteuid() == 0 else 0, USER_NAMESPACE)
    opened = [(os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY | os.O_CLOEXEC), flag) for name, flag in names]
    # From here on, this machine's modules would be looked for among the container's files.
    sys.path.clear()
    sys.meta_path.clear()
    for descriptor, flag in opened:
        call("setns", descriptor, flag)
        os.close(descriptor)


def become(uid: int, gid: int, groups: list[int]) -> None:
    """Become a user of the container that may read everything and do nothing else that the user may not."""
    call("prctl", PR_SET_SECUREBITS, SECBIT_NOROOT, 0, 0, 0)
    call("prctl", PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups(groups)
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    wanted = 1 << CAP_DAC_READ_SEARCH | 1 << CAP_NET_RAW
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    call("capset", header, (ctypes.c_uint32 * 6)(wanted, wanted, wanted, 0, 0, 0))
    for capability in (CAP_DAC_READ_SEARCH, CAP_NET_RAW):
        call("prctl", PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0)
    call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def start(request: dict[str, Any], program: int, standard: list[int]) -> None:
    """Run the program and end as it did; never returns.

    What goes wrong before is told on standard error, with exit code 125.
    """
    try:
        os.setsid()
        for number, descriptor in enumerate(standard):
            os.dup2(descriptor, number)
        become(request["uid"], request["gid"], request["groups"])
        os.chdir(request["directory"])
        # What the program leaves running would otherwise become the container's, and stay there as long as it does.
        call("prctl", PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        signal.signal(signal.SIGTERM, give_up)
        # Who starts it may be killed, and nobody wants to know any more what comes of it.
        call("prctl", PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.execve(program, request["argv"], request["environment"])
        os._exit(outcome(pid))
    except (OSError, ValueError) as error:
        os.write(2, f"zygote: {error}\n".encode())
    finally:
        os._exit(125)


def outcome(pid: int) -> int:
    """Wait for the program; end what it left running; its exit code, 128 + n for signal n."""
    try:
        _, status = os.waitpid(pid, 0)
        code = os.waitstatus_to_exitcode(status)
    except InterruptedError:
        code = -signal.SIGKILL
    end_children()
    return code if code >= 0 else 128 - code


def give_up(*_: object) -> None:
    """Stop waiting."""
    raise InterruptedError


def end_children() -> None:
    """Kill all that is left below this process, generation by generation: orphans come to it."""
    while True:
        file = os.open("/proc/thread-self/children", os.O_RDONLY)
        children = [int(pid) for pid in os.read(file, 1 << 16).split()]
        os.close(file)
        if not children:
            return
        for pid in children:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def look(path: str, *, follow: bool) -> dict[str, Any]:
    """What is at a path, or the number of the error that the kernel gave."""
    try:
        found = os.stat(path, follow_symlinks=follow)  # noqa: PTH116 - pathlib is slow
    except OSError as error:
        return {"errno": error.errno}
    except ValueError:  # what no path can hold
        return {"errno": errno.EINVAL}
    fields = (found.st_mode, found.st_ino, found.st_nlink, found.st_uid, found.st_gid, found.st_size)
    return {"fields": [*fields, int(found.st_mtime)]}


def followed(path: str) -> dict[str, Any]:
    """A path without links, or where a link is that only who is in the PID namespace can follow, such as /proc/self."""
    try:
        return {"path": os.path.realpath(path)}
    except OSError as error:
        return {"errno": error.errno, "stopped": error.filename}
    except ValueError:
        return {"errno": errno.EINVAL}


def resolve(path: str) -> dict[str, Any]:
    """A path without links; only its last part may be missing."""
    found = followed(path)
    whole = "path" in found and os.path.isdir(os.path.dirname(found["path"]))  # noqa: PTH112, PTH120 - pathlib is slow
    return found if whole else {"errno": errno.ENOENT}


def names(path: str) -> dict[str, Any]:
    """The names in a directory."""
    try:
        return {"names": os.listdir(path)}  # noqa: PTH208 - pathlib is slow
    except OSError as error:
        return {"errno": error.errno}
    except ValueError:
        return {"errno": errno.EINVAL}


OF_A_PATH = {"followed": followed, "resolve": resolve, "names": names}


def read(path: str, output: int) -> dict[str, Any]:
    """Write a regular file's content to a descriptor."""
    try:
        # What is no regular file may keep who opens it waiting.
        source = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        return {"errno": error.errno}
    except ValueError:
        return {"errno": errno.EINVAL}
    try:
        if not stat.S_ISREG(os.fstat(source).st_mode):
            return {"errno": errno.EINVAL}
        while data := os.read(source, 1 << 16):
            while data:
                data = data[os.write(output, data) :]
    except OSError as error:
        return {"errno": error.errno}
    finally:
        os.close(source)
    return {"read": True}


def run(request: dict[str, Any], program: int, standard: list[int], control: socket.socket) -> dict[str, Any]:
    """Start a program, tell its PID, wait for its end."""
    try:
        pid = os.fork()
    except OSError as error:  # the PID namespace is dead: its first process has ended
        return {"error": str(error)}
    if pid == 0:
        start(request, program, standard)
    control.send(json.dumps({"pid": pid}).encode())
    for descriptor in standard[1:]:
        os.close(descriptor)
    standard[1:] = []
    _, status = os.waitpid(pid, 0)
    return {"exit_code": os.waitstatus_to_exitcode(status)}


def keep(descriptors: list[int]) -> None:
    """Have no program inherit descriptors."""
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)  # noqa: FBT003 - it takes no keyword


def ended(first: int) -> bool:
    """Whether the process behind a descriptor of a process has ended."""
    return bool(select.select([first], [], [], 0)[0])


def serve(control: socket.socket, program: int, nothing: int, first: int) -> None:
    """Do one thing after the other, until nobody asks any more."""
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 1 << 20, 2)
        if not message:
            return
        request = json.loads(message)
        keep(descriptors)
        standard = [nothing, *descriptors]
        if ended(first):
            # Its files could still be seen, but nobody uses them any more.
            answer = {"error": "its first process has ended"}
        elif "look" in request:
            answer = look(request["look"], follow=request["follow"])
        elif "about" in request:
            answer = OF_A_PATH[request["about"]](request["path"])
        elif "read" in request:
            answer = read(request["read"], descriptors[0])
        else:
            answer = run(request, program, standard, control)
        for descriptor in standard[1:]:
            os.close(descriptor)
        try:
            control.send(json.dumps(answer).encode())
        except OSError as error:  # longer than a message can be
            control.send(json.dumps({"errno": error.errno}).encode())


def main() -> None:
    """Enter, say so, serve."""
    control, program, pid = socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2]), int(sys.argv[3])
    nothing = os.open(os.devnull, os.O_RDONLY)
    # What runs inside has nothing of this but its own input and outputs.
    keep([control.fileno(), program])
    try:
        first = os.pidfd_open(pid)
        enter(pid)
    except OSError as error:
        control.send(json.dumps({"error": str(error)}).encode())
        return
    control.send(json.dumps({"ready": True}).encode())
    serve(control, program, nothing, first)


if __name__ == "__main__":
    main()
