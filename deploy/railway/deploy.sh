#!/usr/bin/env bash
# Deploys the images of a registry and a tag to Railway: tables first, then the services; goes back to the
# images from before when the API is not ready in time. Needs RAILWAY_TOKEN; says so, and is no failure,
# without it. HEALTH_URL is where the API can be reached, and without it nobody waits for its health.
set -euo pipefail

registry=$1
tag=$2
services=(migrate email-worker sms-worker notification-api)

if [ -z "${RAILWAY_TOKEN:-}" ]; then
    echo "Nothing is deployed: the secret RAILWAY_TOKEN is not set."
    exit 0
fi

npm install --global --silent @railway/cli@5.63.1

image_of() {
    railway variables --service "$1" --kv | sed -n 's/^IMAGE=//p'
}

# Takes an image for a service; Railway waits for its health check before it takes the old one away.
put() {
    railway variables --service "$1" --set "IMAGE=$2" --skip-deploys
    railway up --service "$1" --ci
}

program() {
    if [ "$1" = migrate ]; then echo signalbus; else echo "$1"; fi
}

healthy() {
    if [ -z "${HEALTH_URL:-}" ]; then
        echo "HEALTH_URL is not set: nobody waits for the health of the API."
        return 0
    fi
    for _ in $(seq 60); do
        if curl --fail --silent --max-time 5 "$HEALTH_URL/readyz" >/dev/null; then return 0; fi
        sleep 5
    done
    return 1
}

declare -A before
for service in "${services[@]}"; do
    before[$service]=$(image_of "$service")
done

back() {
    echo "Going back to the images from before. Tables stay: a new version reads and writes with the old one."
    for service in "${services[@]:1}"; do
        if [ -n "${before[$service]}" ]; then put "$service" "${before[$service]}" || true; fi
    done
    exit 1
}

for service in "${services[@]}"; do
    put "$service" "$registry/$(program "$service"):$tag" || back
done
healthy || back
echo "Deployed $tag."
