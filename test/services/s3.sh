#!/usr/bin/env bash
# Servers that speak S3, for tests. usage: s3.sh install | moto | versity
# Environment: PORT; DATA, a folder (of versity); SERVICES_DIR, where they are installed.
set -euo pipefail
MOTO=5.2.5
VERSITY=v1.8.0
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
DIR=${SERVICES_DIR:-$HOME/.cache/millrace-services}
VENV=$DIR/moto-$MOTO
GATEWAY=$DIR/versitygw-$VERSITY

case ${1:-} in
  install)
    mkdir -p "$DIR"
    if [ ! -x "$VENV/bin/moto_server" ]; then
      rm -rf "$VENV"
      python3 -m venv "$VENV"
      "$VENV/bin/pip" install -q --disable-pip-version-check -r "$HERE/moto-requirements.txt"
    fi
    if [ ! -x "$GATEWAY" ]; then
      GOBIN=$DIR/bin GOFLAGS=-p=2 go install "github.com/versity/versitygw/cmd/versitygw@$VERSITY"
      mv "$DIR/bin/versitygw" "$GATEWAY"
    fi
    ;;
  moto)
    exec "$VENV/bin/moto_server" -H 127.0.0.1 -p "$PORT"
    ;;
  versity)
    exec "$GATEWAY" --access test --secret test-secret --port "127.0.0.1:$PORT" posix "$DATA"
    ;;
  *)
    echo "usage: s3.sh install | moto | versity" >&2
    exit 2
    ;;
esac
