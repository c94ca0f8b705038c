"""Which files lxcfs offers, and the sets of them that documents choose (platform-rules C.1, C.4).

Only paths and names; where a file lies on the node follows from the document's root.
"""

from __future__ import annotations

from dataclasses import dataclass

CPU_ONLINE = "/sys/devices/system/cpu/online"


@dataclass(frozen=True, slots=True)
class LxcfsFile:
    """One file: `name` ends its volume's name, `path` is in the container and below the root.

    `danger` says why a document must accept it with `allowUnsafe`; "" for all others.
    """

    name: str
    path: str
    danger: str = ""
    kind: str = "File"


_PRESSURE = "runc refuses to mount it, so that no container would start"

FILES: tuple[LxcfsFile, ...] = (
    LxcfsFile("cpuinfo", "/proc/cpuinfo"),
    LxcfsFile("meminfo", "/proc/meminfo"),
    LxcfsFile("stat", "/proc/stat"),
    LxcfsFile("uptime", "/proc/uptime"),
    LxcfsFile("swaps", "/proc/swaps"),
    LxcfsFile("cpu-online", CPU_ONLINE),
    LxcfsFile("loadavg", "/proc/loadavg"),
    LxcfsFile("diskstats", "/proc/diskstats"),
    LxcfsFile("slabinfo", "/proc/slabinfo", "with cgroup v2 it shows the node's content to all"),
    LxcfsFile(
        "cpu",
        "/sys/devices/system/cpu",
        "Java may not start, and its masks contradict each other",
        "Directory",
    ),
    LxcfsFile("pressure-cpu", "/proc/pressure/cpu", _PRESSURE),
    LxcfsFile("pressure-memory", "/proc/pressure/memory", _PRESSURE),
    LxcfsFile("pressure-io", "/proc/pressure/io", _PRESSURE),
)
"""All files, in the order in which they are mounted."""

BY_PATH = {file.path: file for file in FILES}

STANDARD = (
    "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/uptime", "/proc/swaps", CPU_ONLINE,
)  # fmt: skip

COMPAT_DENVERDINO = (*STANDARD, "/proc/loadavg", "/proc/diskstats")
"""The eight files of denverdino/lxcfs-admission-webhook."""
