#!/bin/sh
# The tests that load rules need nft and iptables; this installs them where it may, and says what to do where not.
set -eu
PATH="$PATH:/usr/sbin:/sbin"
missing=""
command -v nft >/dev/null || missing="$missing nftables"
command -v iptables-restore >/dev/null || missing="$missing iptables"
command -v ip >/dev/null || missing="$missing iproute2"
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing$missing for the tests"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2086
    apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
    echo "the tests that load rules into the kernel need:$missing" >&2
    echo "install them (on Debian: sudo apt-get install$missing), or those tests are skipped" >&2
fi
