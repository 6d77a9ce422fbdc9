# shellcheck shell=bash
# Names, addresses and functions that the scripts of the test cluster share. To be sourced.
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"
# shellcheck source=../parts/lib.sh
source "$root/e2e/parts/lib.sh"
# Some of what is used lies in folders that are not on every user's PATH.
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/go/bin"

# Other users (postgres, those of pods) enter the state, whatever the caller's own habit is. What is
# secret is closed by itself.
umask 022

# One cluster a machine. Its namespace has no way out: nothing in it reaches another network.
netns=todostack
state=/var/lib/todostack-cluster
node_ip=10.99.0.1
service_cidr=10.96.0.0/16
pod_cidr=10.244.0.0/16
# shellcheck disable=SC2034 # used by those who source this
kubernetes_ip=10.96.0.1 dns_ip=10.96.0.10
kubeconfig="$state/admin.kubeconfig"
database_password=todostack
# `eval "$(e2e/cluster/env)"` sets this too: then it is still our own cluster.
[ "${E2E_KUBECONFIG:-}" != "$kubeconfig" ] || unset E2E_KUBECONFIG

say() { echo "e2e/cluster: $*" >&2; }

inside() { nsenter --net="/run/netns/$netns" "$@"; }

kubectl() { inside "$(part_dir kubernetes)/kubectl" --kubeconfig "$kubeconfig" "$@"; }

# Every process of the cluster but those in pods: they end with the node's init, see `node`.
cluster_pids() { ip netns pids "$netns" 2>/dev/null || true; }

# Up is what `up` has finished, if the API server still says so.
is_up() { [ -f "$state/up" ] && kubectl get --raw /readyz >/dev/null 2>&1; }

# One `up` or `down` at a time. The lock lies outside of the state, which comes and goes.
lock() {
  mkdir -p "$cache"
  exec 9>"$cache/cluster.lock"
  flock --nonblock 9 || { say "waiting for another up or down"; flock 9; }
}
