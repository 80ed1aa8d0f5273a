#!/usr/bin/env bash
# Puts the signing keys of `pelton keys all DIR` into the cluster, each into the Secret of the one node that signs by it. Passwords and TLS are
# Strimzi's to make. Usage: deploy/kubernetes/secrets.sh DIR [NAMESPACE]
set -euo pipefail
folder=${1:?the folder that \`pelton keys all\` made}
namespace=${2:-pelton}

create_secret() {
  kubectl --namespace "$namespace" create secret generic "$1" --from-file="$2" --dry-run=client --output=yaml | kubectl apply --filename -
}

create_secret allowed-keys "allowed-keys.json=$folder/allowed-keys.json"
create_secret sign-curriculum "key.json=$folder/curriculum.key.json"
create_secret sign-augmenter "key.json=$folder/augmenter.key.json"
create_secret sign-feedback "key.json=$folder/feedback.key.json"
create_secret sign-trainer "key.json=$folder/trainer.key.json"
