#!/bin/sh
# Binds lxcfs's files again in running containers, after lxcfs was started anew.
#
# A container is one of ours when lxcfs's files are mounted in it. `mount --namespace` enters its mount
# namespace for the call alone, so nothing in its image is used.
set -u

root=${LXCFS_ROOT:-/var/lib/lxcfs-on-k8s/lxcfs}
proc=${PROC:-/proc}
seconds=${SECONDS_BETWEEN:-5}

device_at() { # the device of what is mounted at the root, as that mount namespace sees it
    awk -v root="$root" '$5 == root { device = $3 } END { print device }' "$1" 2>/dev/null
}

# "path in lxcfs" "mount point" of each file that is bound from another lxcfs than the present one.
stale_files() {
    awk -v root="$root" -v device="$2" '
        $5 == root || $3 == device || $4 !~ "^/(proc|sys)/" { next }
        { for (i = 7; i < NF; i++) if ($i == "-" && $(i + 1) == "fuse.lxcfs") print $4, $5 }
    ' "$1" 2>/dev/null
}

bind_again() { # process, path in lxcfs, mount point
    # A container that has ended meanwhile is none of our business.
    [ -e "$proc/$1/ns/mnt" ] || return 0
    umount --namespace "$proc/$1/ns/mnt" --lazy "$3" 2>/dev/null
    mount --namespace "$proc/$1/ns/mnt" --bind --options ro "$root$2" "$3"
}

reattach() { # the present device
    seen=" "
    for directory in "$proc"/[0-9]*; do
        process=${directory##*/}
        namespace=$(readlink "$directory/ns/mnt" 2>/dev/null) || continue
        case $seen in *" $namespace "*) continue ;; esac
        seen="$seen$namespace "
        stale=$(stale_files "$directory/mountinfo" "$1")
        [ -n "$stale" ] || continue
        # The parent comes first: only where the new lxcfs has arrived can its files be bound.
        [ "$(device_at "$directory/mountinfo")" = "$1" ] || continue
        echo "$stale" | while read -r path place; do
            bind_again "$process" "$path" "$place" || echo "process $process: $place stays as it is" >&2
        done
        echo "process $process: $(echo "$stale" | wc -l) files bound again"
    done
}

trap exit TERM INT
while true; do
    device=$(device_at "$proc/self/mountinfo")
    if [ -n "$device" ] && timeout 5 head -n 1 "$root/proc/cpuinfo" >/dev/null 2>&1; then
        reattach "$device"
    fi
    [ "$seconds" = once ] && exit
    sleep "$seconds" &
    wait $!
done
