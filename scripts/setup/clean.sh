#!/usr/bin/env bash
# Removes what the project made in the container engine. Pulled images (kindest/node, envoyproxy/envoy, python) stay:
# they are not the project's, and cannot be pulled again without a network.
set -euo pipefail
# shellcheck source=scripts/cluster/lib.sh
. "$(dirname "$0")/../cluster/lib.sh"

usage() {
  cat <<'END'
usage: scripts/setup/clean.sh [--list]

Removes what the project made in the container engine, and prints each: its
cluster and those that an aborted `make e2e` left, what `docker compose` started
from this folder, and the project's images. Without an engine it does nothing.

  --list  only print what would be removed

Examples:
  scripts/setup/clean.sh --list
  scripts/setup/clean.sh
END
}

list=''
options list '' "$@"
verb=Removing
[ -z "$list" ] || verb='Would remove'

docker info >/dev/null 2>&1 || exit 0

failed=0

# remove WHAT COMMAND...: print and remove it; when that fails, print why and continue with the rest.
remove() {
  local output
  printf '%s %s\n' "$verb" "$1"
  [ "$verb" = Removing ] || return 0
  output=$("${@:2}" 2>&1) || { printf '%s\n' "$output" >&2; failed=1; }
}

clusters() {
  local name process
  for name in $(docker ps --all --filter label=io.x-k8s.kind.cluster --format '{{.Label "io.x-k8s.kind.cluster"}}' | sort -u); do
    # As tests/e2e/conftest.py names them: e2e-PROCESS-SECONDS.
    if [[ $name =~ ^e2e-([0-9]+)-[0-9]{10}$ ]]; then
      process=${BASH_REMATCH[1]}
      if kill -0 "$process" 2>/dev/null; then
        printf 'Keeping cluster %s: process %s, which made it, is still running\n' "$name" "$process"
        continue
      fi
    elif [ "$name" != "$CLUSTER_NAME" ]; then
      continue
    fi
    remove "cluster $name" scripts/cluster/down.sh --name "$name"
  done
}

compose_projects() {
  local own label=com.docker.compose.project
  own=$(awk '$1 == "name:" { print $2; exit }' docker-compose.yml)
  {
    docker ps --all --filter "label=$label.working_dir=$PWD" --format "{{.Label \"$label\"}}"
    # A volume or a network may be all that is left; it has the project as a label, but not the folder.
    docker ps --all --quiet --filter "label=$label=$own" | sed "s/.*/$own/"
    docker volume ls --quiet --filter "label=$label=$own" | sed "s/.*/$own/"
    docker network ls --quiet --filter "label=$label=$own" | sed "s/.*/$own/"
  } | sort -u
}

images() {
  local title id reference
  for title in micro-api canary-loadtest canary-render; do
    # By the name and by the Dockerfile's labels: an image of others may have one of them. Untagged: an earlier build.
    while read -r id reference; do
      case $reference in
        "$title":*) printf '%s\n' "$reference" ;;
        '<none>:<none>') printf '%s\n' "$id" ;;
      esac
    done < <(docker images --filter "label=org.opencontainers.image.title=$title" \
      --filter label=org.opencontainers.image.licenses=MIT --format '{{.ID}} {{.Repository}}:{{.Tag}}')
  done
}

clusters
for project in $(compose_projects); do
  remove "compose project $project" docker compose --project-name "$project" --profile '*' down --volumes --remove-orphans
done
for image in $(images); do
  remove "image $image" docker image rm "$image"
done
exit "$failed"
