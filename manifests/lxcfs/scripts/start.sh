#!/bin/sh
# Makes the mount point ready and becomes lxcfs; further arguments are given to it.
set -eu

root=${LXCFS_ROOT:-/var/lib/lxcfs}
fuse=${FUSE_DEVICE:-/dev/fuse}
mounts=${MOUNTS:-/proc/self/mountinfo}
oom=${OOM_SCORE:-/proc/self/oom_score_adj}
run=${RUN_DIRECTORY:-/run/lxcfs}

refuse() {
    echo "lxcfs does not start: $1" >&2
    exit 1
}

is_mounted() {
    awk -v root="$root" '$5 == root { for (i = 7; i <= NF; i++) if ($i == "-" && $(i + 1) ~ /^fuse/) found = 1 }
        END { exit !found }' "$mounts"
}

[ -e "$fuse" ] || refuse "this node has no $fuse; load the kernel module fuse"

# What an earlier lxcfs left: its mount is still there, and nobody answers. One that answers stays.
if is_mounted; then
    if timeout 5 head -n 1 "$root/proc/cpuinfo" >/dev/null 2>&1; then
        refuse "another lxcfs serves $root"
    fi
    while is_mounted; do umount -l "$root" || refuse "the dead mount at $root cannot be removed"; done
fi

# What a container runtime left that found no lxcfs: directories in the places of files.
mkdir -p "$root"
for file in proc/cpuinfo proc/diskstats proc/loadavg proc/meminfo proc/slabinfo proc/stat proc/swaps \
    proc/uptime proc/pressure/cpu proc/pressure/io proc/pressure/memory sys/devices/system/cpu/online; do
    if [ -d "$root/$file" ]; then
        rmdir "$root/$file" || refuse "$root/$file is a directory with something in it"
    fi
done
for directory in proc/pressure proc sys/devices/system/cpu sys/devices/system sys/devices sys; do
    if [ -d "$root/$directory" ]; then
        rmdir "$root/$directory" || refuse "$root/$directory is a directory with something in it"
    fi
done

echo -1000 >"$oom" || echo "the OOM score stays as it is" >&2
exec lxcfs --pidfile="$run/lxcfs.pid" "$@" "$root"
