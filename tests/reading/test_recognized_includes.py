"""Files that only include others: nftables and pf write that alike, so what they include tells."""

import pytest

from fwadvisor.dialects.reading import recognize
from fwadvisor.dialects.reading.source import Source
from fwadvisor.errors import ReadError

NFT = "table inet f { chain c { type filter hook input priority 0; policy drop; } }\n"
PF = "block in all\npass in proto tcp to port 22\n"


@pytest.mark.parametrize(("text", "dialect"), [(NFT, "nftables"), (PF, "pf")])
def test_what_is_included_tells(tmp_path, text, dialect):
    (tmp_path / "rules").write_text(text)
    content = b'# parts\n\ninclude "missing"\ninclude "rules" # all\n'
    assert recognize(Source("main", content, tmp_path)) == dialect


@pytest.mark.parametrize("name", [b"a.nft", b"conf.d/*", b"/etc/nftables.d/*.conf"])
def test_names_that_pf_cannot_mean_tell(name):
    assert recognize(Source("main", b'include "' + name + b'"\n')) == "nftables"


def test_where_nothing_tells_it_is_asked_for(tmp_path):
    (tmp_path / "main").write_text('include "main"\n')
    for name in (b"main", b"elsewhere", b"../up"):
        with pytest.raises(ReadError, match="only names other files"):
            recognize(Source("main", b'include "' + name + b'"\n', tmp_path))


def test_other_lines_tell_by_themselves():
    assert recognize(Source("main", b'#!/usr/sbin/nft -f\ninclude "x"\n')) == "nftables"
    assert recognize(Source("main", b'include "x"\nset skip on lo\n')) == "pf"
