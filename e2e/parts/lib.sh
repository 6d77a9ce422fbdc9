# shellcheck shell=bash
# Where the built parts lie. To be sourced; defines functions only, besides `parts` and `cache`.
parts="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/todostack"
# shellcheck disable=SC2034 # for those who source this
part_names=(pause etcd kubernetes coredns dapr helm kafka)

# The version that a part's manifest pins.
part_version() {
  local module
  case "$1" in
    kubernetes) module=k8s.io/kubernetes ;;
    etcd) module=go.etcd.io/etcd/server/v3 ;;
    dapr) module=github.com/dapr/dapr ;;
    coredns) module=github.com/coredns/coredns ;;
    helm) module=helm.sh/helm/v3 ;;
    kafka)
      grep -A1 '<artifactId>kafka_2.13<' "$parts/kafka/pom.xml" | grep -oE '[0-9]+(\.[0-9]+)+' | tail -1
      return
      ;;
    pause)
      echo 1
      return
      ;;
    *)
      echo "e2e/parts: unknown part $1" >&2
      return 1
      ;;
  esac
  grep -oE "(^|[[:space:]])$module v[^ ]+" "$parts/$1/go.mod" | head -1 | sed 's/.* v//'
}

# The folder of a part's build: its name changes whenever what it is built from changes.
part_dir() {
  local version hash
  version="$(part_version "$1")"
  hash="$(cd "$parts/$1" && cat -- * "../make-part" | sha256sum | cut -c1-12)"
  echo "$cache/parts/$1-$version-$hash"
}
