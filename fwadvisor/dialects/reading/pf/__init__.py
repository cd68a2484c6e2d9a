"""pf.conf of OpenBSD and FreeBSD."""
