"""A process that has entered a container's namespaces and starts programs there on request.

Run as a script by the host's interpreter, with as few modules as possible: every request forks this process. It stays
outside the container's PID namespace, so that nobody inside can see it; what it starts is inside.

Arguments: control socket, the program's file, PID of the container's first process; the first two as file descriptors.
"""

import ctypes
import json
import os
import signal
import socket
import sys
from typing import Any

# linux/sched.h, in the order in which they are entered; the mount namespace last, since it changes what paths mean.
NAMESPACES = (("ipc", 0x08000000), ("uts", 0x04000000), ("net", 0x40000000), ("pid", 0x20000000), ("mnt", 0x00020000))
USER_NAMESPACE = ("user", 0x10000000)
# linux/prctl.h and linux/capability.h
PR_SET_KEEPCAPS, PR_SET_SECUREBITS, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 8, 28, 36, 38
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
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.execve(program, request["argv"], request["environment"])
        os._exit(outcome(pid))
    except OSError as error:
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
        with open("/proc/thread-self/children", encoding="ascii") as file:  # noqa: PTH123 - pathlib is slow
            children = [int(pid) for pid in file.read().split()]
        if not children:
            return
        for pid in children:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def serve(control: socket.socket, program: int, nothing: int) -> None:
    """Start one program after the other, until nobody asks any more."""
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 1 << 20, 2)
        if not message:
            return
        try:
            pid = os.fork()
        except OSError as error:  # the PID namespace is dead: its first process has ended
            pid = -1
            answer = {"error": str(error)}
        if pid == 0:
            start(json.loads(message), program, [nothing, *descriptors])
        for descriptor in descriptors:
            os.close(descriptor)
        if pid == -1:
            control.send(json.dumps(answer).encode())
            continue
        control.send(json.dumps({"pid": pid}).encode())
        _, status = os.waitpid(pid, 0)
        control.send(json.dumps({"exit_code": os.waitstatus_to_exitcode(status)}).encode())


def main() -> None:
    """Enter, say so, serve."""
    control, program, pid = socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2]), int(sys.argv[3])
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.set_inheritable(program, False)  # noqa: FBT003 - it takes no keyword
    try:
        enter(pid)
    except OSError as error:
        control.send(json.dumps({"error": str(error)}).encode())
        return
    control.send(json.dumps({"ready": True}).encode())
    serve(control, program, nothing)


if __name__ == "__main__":
    main()
