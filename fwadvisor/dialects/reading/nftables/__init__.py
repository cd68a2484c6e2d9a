"""``nft list ruleset``, hand-written files and ``nft -j`` JSON."""
