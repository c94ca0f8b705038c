#!/bin/sh
# Labels the node while lxcfs answers there, and takes the label off when it does not, and at the end.
set -u

root=${LXCFS_ROOT:-/var/lib/lxcfs}
label=${READY_LABEL:-propylon.dev/lxcfs-ready}
account=${ACCOUNT:-/var/run/secrets/kubernetes.io/serviceaccount}
seconds=${SECONDS_BETWEEN:-10}
server="https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT"

set_label() { # true, or null for none
    curl --silent --show-error --fail --max-time 10 --output /dev/null \
        --cacert "$account/ca.crt" --header "Authorization: Bearer $(cat "$account/token")" \
        --header "Content-Type: application/merge-patch+json" --request PATCH \
        --data "{\"metadata\":{\"labels\":{\"$label\":$1}}}" "$server/api/v1/nodes/$NODE_NAME"
}

stop() {
    trap - TERM INT
    set_label null
    exit
}
trap stop TERM INT

# Said again from time to time: the Node may have been registered anew.
said=
rounds=0
while true; do
    found=null
    if timeout 5 head -n 1 "$root/proc/cpuinfo" >/dev/null 2>&1; then found='"true"'; fi
    [ "$rounds" -lt 30 ] || said=
    if [ "$found" = "$said" ]; then
        rounds=$((rounds + 1))
    elif set_label "$found"; then
        said=$found
        rounds=0
        echo "label $label of node $NODE_NAME: $found"
    fi
    sleep "$seconds" &
    wait $!
done
