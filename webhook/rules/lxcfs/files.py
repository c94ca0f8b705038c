"""Which files lxcfs offers where, and the sets that documents choose (platform-rules C.1, C.4).

Only paths and names; where a file lies on the node follows from the document's root.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from webhook.rules.lxcfs.settings import LxcfsInjectionSpec

CPU_ONLINE = "/sys/devices/system/cpu/online"


@dataclass(frozen=True, slots=True)
class LxcfsFile:
    """One file: `name` ends its volume's name, `path` is in the container and below the root.

    `danger` says why a document must accept it with `allowUnsafe`; "" for all others. `since` is
    the first version of lxcfs that has it, `needs_cgroup_v1` says that it shows the node's content
    elsewhere, `old_runc` whether builds of runc before August 2018 let it be mounted.
    """

    name: str
    path: str
    danger: str = ""
    kind: str = "File"
    since: tuple[int, int] = (2, 0)
    needs_cgroup_v1: bool = False
    old_runc: bool = True


_PRESSURE = "runc refuses to mount it, so that no container would start"

FILES: tuple[LxcfsFile, ...] = (
    LxcfsFile("cpuinfo", "/proc/cpuinfo"),
    LxcfsFile("meminfo", "/proc/meminfo"),
    LxcfsFile("stat", "/proc/stat"),
    LxcfsFile("uptime", "/proc/uptime"),
    LxcfsFile("swaps", "/proc/swaps"),
    LxcfsFile("cpu-online", CPU_ONLINE, since=(3, 1)),
    LxcfsFile("loadavg", "/proc/loadavg", since=(3, 1), old_runc=False),
    LxcfsFile("diskstats", "/proc/diskstats", needs_cgroup_v1=True),
    LxcfsFile(
        "slabinfo",
        "/proc/slabinfo",
        "with cgroup v2 it shows the node's content to all",
        since=(5, 0),
        needs_cgroup_v1=True,
        old_runc=False,
    ),
    LxcfsFile(
        "cpu",
        "/sys/devices/system/cpu",
        "Java may not start, and its masks contradict each other",
        "Directory",
        since=(3, 1),
    ),
    *(
        LxcfsFile(
            f"pressure-{name}", f"/proc/pressure/{name}", _PRESSURE, since=(7, 0), old_runc=False
        )
        for name in ("cpu", "memory", "io")
    ),
)
"""All files, in the order in which they are mounted."""

BY_PATH = {file.path: file for file in FILES}

STANDARD = (
    "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/uptime", "/proc/swaps", CPU_ONLINE,
)  # fmt: skip

COMPAT_DENVERDINO = (*STANDARD, "/proc/loadavg", "/proc/diskstats")
"""The eight files of denverdino/lxcfs-admission-webhook."""


def version_of(text: str) -> tuple[int, int]:
    """Return the numbers of `6`, `6.0` or `3.1.2`; the text has been checked."""
    major, _, rest = text.partition(".")
    return int(major), int(rest.partition(".")[0] or 0)


def obstacles(file: LxcfsFile, spec: LxcfsInjectionSpec) -> Iterator[str]:
    """Yield why a file cannot be mounted with that lxcfs, those cgroups or that runtime.

    What a document does not say of its nodes is no obstacle.
    """
    version = version_of(spec.lxcfs_version) if spec.lxcfs_version else None
    if version is not None and version < file.since:
        yield f"lxcfs has it since {'.'.join(map(str, file.since))}"
    is_v2 = spec.cgroups == "v2" or (version is not None and version >= (7, 0))
    if file.needs_cgroup_v1 and is_v2:
        yield "with cgroup v2 it shows the node's content"
    if not file.old_runc and spec.runtime_profile == "old-runc":
        yield "runc before August 2018 refuses to mount it"
