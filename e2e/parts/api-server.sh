# shellcheck shell=bash
# A real API server on loopback with etcd and the controllers of Deployments, and no nodes: nothing of what is applied
# runs. To be sourced; sets `work` (a folder), `k8s` (the programs), KUBECONFIG and PATH. All of it ends with the caller.
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
"$parts/build" etcd kubernetes
k8s=$(part_dir kubernetes)

work=$(mktemp -d)
pids=()
finish() {
    code=$?
    trap - EXIT
    [ "$code" = 0 ] || tail -n 5 "$work"/*.log >&2
    # Etcd, the first, is the last to go: the API server would wait for it.
    for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
        kill "${pids[i]}" 2>/dev/null || true
        wait "${pids[i]}" 2>/dev/null || true
    done
    rm -rf "$work"
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT TERM
start() { # NAME PROGRAM ARGUMENT...
    "${@:2}" >"$work/$1.log" 2>&1 &
    pids+=("$!")
}
# Ports that nobody has now; taken together, so that they differ.
free_ports() { # COUNT
    python3 -c '
import socket, sys
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(*(one.getsockname()[1] for one in sockets))' "$1"
}
# A kubeconfig with a token.
kubeconfig() { # TOKEN
    cat <<CONFIG
apiVersion: v1
kind: Config
clusters: [{name: it, cluster: {server: "https://127.0.0.1:$secure", tls-server-name: kubernetes.default.svc, certificate-authority: "$work/certificates/apiserver.crt"}}]
users: [{name: it, user: {token: "$1"}}]
contexts: [{name: it, context: {cluster: it, user: it}}]
current-context: it
CONFIG
}

read -r client peer secure < <(free_ports 3)
token=$(openssl rand -hex 16)
echo "$token,admin,admin,system:masters" >"$work/tokens"
openssl genrsa -out "$work/sa.key" 2048 2>/dev/null
start etcd "$(part_dir etcd)/etcd" --data-dir "$work/etcd" --unsafe-no-fsync \
    --listen-client-urls "http://127.0.0.1:$client" --advertise-client-urls "http://127.0.0.1:$client" \
    --listen-peer-urls "http://127.0.0.1:$peer" --initial-advertise-peer-urls "http://127.0.0.1:$peer" \
    --initial-cluster "default=http://127.0.0.1:$peer"
start kube-apiserver "$k8s/kube-apiserver" --etcd-servers "http://127.0.0.1:$client" \
    --bind-address 127.0.0.1 --secure-port "$secure" --cert-dir "$work/certificates" --token-auth-file "$work/tokens" \
    --service-cluster-ip-range 10.0.0.0/24 --authorization-mode RBAC --service-account-issuer https://kubernetes.default.svc \
    --service-account-key-file "$work/sa.key" --service-account-signing-key-file "$work/sa.key"
kubeconfig "$token" >"$work/kubeconfig"
export KUBECONFIG=$work/kubeconfig PATH="$k8s:$PATH"
deadline=$((SECONDS + 60))
until said=$(kubectl get --raw /readyz 2>&1); do
    if [ "$SECONDS" -ge "$deadline" ] || ! kill -0 "${pids[@]}" 2>/dev/null; then
        echo "e2e/parts: the API server is not ready: $said" >&2
        exit 1
    fi
    sleep 0.2
done
start kube-controller-manager "$k8s/kube-controller-manager" --kubeconfig "$KUBECONFIG" --leader-elect=false \
    --bind-address 127.0.0.1 --secure-port 0 --controllers deployment-controller,replicaset-controller
