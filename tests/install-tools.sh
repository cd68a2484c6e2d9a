#!/bin/sh
# What some tests need besides Python: commands of the kernel's firewall, and a browser for the HTML report. This
# installs them where it may, and says what to do where not.
set -eu
PATH="$PATH:/usr/sbin:/sbin"

may_install() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

install() {
    echo "installing $* for the tests"
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

missing=""
command -v nft >/dev/null || missing="$missing nftables"
command -v iptables-restore >/dev/null || missing="$missing iptables"
command -v ip >/dev/null || missing="$missing iproute2"
command -v conntrack >/dev/null || missing="$missing conntrack"
browser=""
for name in chromium chromium-browser google-chrome google-chrome-stable; do
    command -v "$name" >/dev/null && browser="$name" && break
done
[ -n "$missing" ] || [ -z "$browser" ] || exit 0
if may_install; then
    apt-get update -qq
    # shellcheck disable=SC2086
    [ -z "$missing" ] || install $missing
    # Not every distribution has a browser as a package: without one, those tests are skipped and say so.
    [ -n "$browser" ] || install chromium || echo "no browser can be installed here" >&2
else
    [ -z "$missing" ] || echo "tests that load rules into the kernel are skipped without:$missing" >&2
    [ -n "$browser" ] || echo "tests that look at the HTML report are skipped without: chromium" >&2
fi
