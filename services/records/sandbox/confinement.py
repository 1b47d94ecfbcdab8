"""What the kernel takes away from a process before it sees a stranger's bytes. Linux; what a kernel lacks is left out.

Memory, time, size and number of files are limited everywhere. Where the kernel knows how, the process also has no
network (a namespace of its own), no privileges to gain, no files but libraries and its scratch folder and nobody to
signal (Landlock), and no way to start a process, open a socket or look into another (seccomp). ``TAKEN_AWAY`` says what
succeeded.
"""

import ctypes
import os
import platform
import resource
import struct
from collections.abc import Iterable
from pathlib import Path

_NEW_USER, _NEW_NETWORK, _NEW_IPC = 0x10000000, 0x40000000, 0x08000000
_NO_NEW_PRIVILEGES, _NOT_DUMPABLE, _SECCOMP = 38, 4, 22
_RULESET, _RULE, _RESTRICT = 444, 445, 446
_READ, _WRITE, _READ_DIR, _TRUNCATE = 1 << 2, 1 << 1, 1 << 3, 1 << 14
_FS_BY_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}

TAKEN_AWAY: set[str] = set()
ALL = frozenset({"limits", "network", "privileges", "files", "calls"})
"""What ``TAKEN_AWAY`` holds where the kernel knows how to take everything away."""


def limit(memory: int, largest_file: int, cpu_seconds: int) -> None:
    """Limit this process for good: bytes of address space, bytes of a file it writes, seconds of computing in all."""
    for what, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, largest_file),
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))
    TAKEN_AWAY.add("limits")


def isolate() -> None:
    """Give up the network and all privileges. Call it before any thread or library that may start one."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_NEW_USER | _NEW_NETWORK | _NEW_IPC) == 0:
        TAKEN_AWAY.add("network")
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) == 0:
        TAKEN_AWAY.add("privileges")
    libc.prctl(_NOT_DUMPABLE, 0, 0, 0, 0)


def confine(readable: Iterable[Path], scratch: Path) -> None:
    """Give up all files but libraries below ``readable`` and what lies in ``scratch``, and every other process."""
    libc = ctypes.CDLL(None, use_errno=True)
    abi = libc.syscall(_RULESET, None, ctypes.c_size_t(0), 1)
    if abi < 1:
        return
    known = max(version for version in _FS_BY_ABI if version <= abi)
    everything = _FS_BY_ABI[known]
    words = [everything] + ([0b11] if abi >= 4 else []) + ([0b11] if abi >= 6 else [])
    attributes = (ctypes.c_uint64 * len(words))(*words)
    rules = libc.syscall(_RULESET, attributes, ctypes.c_size_t(ctypes.sizeof(attributes)), 0)
    if rules < 0:
        return
    for folder in readable:
        _allow(libc, rules, folder, _READ | _READ_DIR)
    _allow(libc, rules, scratch, (_READ | _WRITE | _TRUNCATE) & everything)
    if libc.syscall(_RESTRICT, rules, 0) == 0:
        TAKEN_AWAY.add("files")
    os.close(rules)


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


def _allow(libc: ctypes.CDLL, rules: int, folder: Path, access: int) -> None:
    if not folder.is_dir():
        return
    fd = os.open(folder, os.O_PATH | os.O_CLOEXEC)
    libc.syscall(_RULE, rules, 1, ctypes.byref(_Beneath(access, fd)), 0)
    os.close(fd)


# What opens sockets, starts or steers processes, or reaches parts of the kernel that no decoder needs: by machine, then
# number; before them the machine's name to the kernel, and its numbers of ``clone`` and ``tgkill``.
_FORBIDDEN = {
    "x86_64": (
        0xC000003E,
        56,
        234,
        (41, 42, 53, 57, 58, 59, 62, 101, 129, 165, 200, 248, 250, 272, 297, 298, 308, 310, 311, 321, 322, 323, 424, 425, 438),
    ),
    "aarch64": (
        0xC00000B7,
        220,
        131,
        (198, 199, 203, 117, 40, 217, 219, 97, 240, 241, 268, 270, 271, 280, 281, 282, 221, 129, 130, 138, 424, 425, 438),
    ),
}  # fmt: skip
_CLONE3 = 435
_OTHER_TABLE = 0x40000000
"""From here on x86 counts the same calls once more, for programs of another kind (x32)."""
_LOAD, _JUMP_IF_EQUAL, _JUMP_IF_AT_LEAST, _JUMP_IF_SET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _DENY, _MISSING = 0x7FFF0000, 0x00050000 | 1, 0x00050000 | 38
_THREAD = 0x00010000
_NUMBER, _MACHINE, _FIRST_ARGUMENT = 0, 4, 16


def forbid() -> None:
    """Give up the calls to the kernel that nothing in here needs: they fail with EPERM from now on. Threads still start, and
    the process can still end itself.
    """
    if (known := _FORBIDDEN.get(platform.machine())) is None:
        return
    machine, clone, signal_thread, denied = known
    code = [
        (_LOAD, 0, 0, _MACHINE), (_JUMP_IF_EQUAL, 1, 0, machine), (_RETURN, 0, 0, _DENY), (_LOAD, 0, 0, _NUMBER),
        (_JUMP_IF_AT_LEAST, 0, 1, _OTHER_TABLE), (_RETURN, 0, 0, _DENY),
        (_JUMP_IF_EQUAL, 0, 1, _CLONE3), (_RETURN, 0, 0, _MISSING),
        (_JUMP_IF_EQUAL, 0, 3, clone), (_LOAD, 0, 0, _FIRST_ARGUMENT), (_JUMP_IF_SET, 1, 0, _THREAD), (_RETURN, 0, 0, _DENY),
        (_LOAD, 0, 0, _NUMBER),
        (_JUMP_IF_EQUAL, 0, 3, signal_thread), (_LOAD, 0, 0, _FIRST_ARGUMENT), (_JUMP_IF_EQUAL, 1, 0, os.getpid()), (_RETURN, 0, 0, _DENY),
        (_LOAD, 0, 0, _NUMBER),
    ]  # fmt: skip
    for number in denied:
        code += [(_JUMP_IF_EQUAL, 0, 1, number), (_RETURN, 0, 0, _DENY)]
    code.append((_RETURN, 0, 0, _ALLOW))
    program = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *step) for step in code))
    filtered = ctypes.create_string_buffer(struct.pack("@HxxxxxxQ", len(code), ctypes.addressof(program)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_SECCOMP, 2, ctypes.byref(filtered), 0, 0) == 0:
        TAKEN_AWAY.add("calls")
