"""Windows Firewall rules: scripts, exports, registry files.

Every format becomes the same drafts (`draft`), which `build` turns into rules and `assemble` into a firewall with the
chains "inbound" and "outbound".
"""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from fwadvisor.dialects.reading.source import Source
from fwadvisor.dialects.reading.windows.assemble import assemble
from fwadvisor.dialects.reading.windows.batch import read_batch
from fwadvisor.dialects.reading.windows.draft import Machine
from fwadvisor.dialects.reading.windows.powershell.reading import read_script
from fwadvisor.dialects.reading.windows.regfile import POL_HEADER, REG_HEADER, read_pol, read_reg
from fwadvisor.dialects.reading.windows.tables import FORMAT, read_csv, read_json
from fwadvisor.errors import ReadError
from fwadvisor.model.firewall import Firewall

#: So much of a file is looked at to recognize it.
_LOOKED_AT = 65536
_CMDLET = re.compile(r"-NetFirewall(?:Rule|Profile)\b", re.IGNORECASE)
_NETSH = re.compile(r"^[ \t]*(?:call[ \t]+)?@?netsh(?:\.exe)?[ \t]+advfirewall\b", re.IGNORECASE | re.MULTILINE)
_BATCH = re.compile(r"^[ \t]*(?:@?echo[ \t]+off|rem\b|::|set(?:local)?\b[ \t]*\w*=?)", re.IGNORECASE | re.MULTILINE)
_HEADER = re.compile(r'^(?:#TYPE[^\n]*\n)?"?[^\n]*"?(?:DisplayName|LocalPort)"?[,;\t]', re.IGNORECASE)
_JSON = re.compile(r'\{\s*(?:"|\}|$)|\[\s*(?:[\[{\]]|$)')
_JSON_KEY = re.compile(r'"(?:LocalPort|DisplayName|InstanceID)"\s*:')
_Reader = Callable[[Machine, Source], None]


def recognize(source: Source) -> int:
    """How sure it is that the source is of this dialect: 0 not at all, 100 certain."""
    return _recognized(source)[0]


def read(sources: Sequence[Source], _options: Mapping[str, str]) -> Firewall:
    """What the files say together; what is only not understood becomes opaque.

    Raises:
        ReadError: the files cannot be read.
    """
    machine = Machine()
    with _uncollected():
        for source in sources:
            _recognized(source)[1](machine, source)
        return assemble(machine, ", ".join(source.name for source in sources))


@contextmanager
def _uncollected() -> Iterator[None]:
    """Hold the cyclic garbage collector off: nearly all that is made here stays."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _recognized(source: Source) -> tuple[int, _Reader]:
    """How sure, and what reads it."""
    if source.content.startswith(POL_HEADER[:4]):
        return 100, read_pol
    try:
        text = Source(source.name, _start(source.content)).text().lstrip()
    except ReadError:
        return 0, read_script
    if text.startswith((REG_HEADER, "REGEDIT4")):
        return 100 if re.search("firewall", text, re.IGNORECASE) else 60, read_reg
    if _JSON.match(text):
        if f'"{FORMAT}"' in text:
            return 100, read_json
        return (80 if _JSON_KEY.search(text) else 0), read_json
    cmdlets = len(_CMDLET.findall(text))
    lines = len(_NETSH.findall(text))
    if lines and not cmdlets and (_BATCH.search(text) or _only_netsh(text)):
        return 90, read_batch
    if cmdlets or lines:
        return min(95, 70 + cmdlets + lines), read_script
    if _HEADER.match(text):
        return 80, read_csv
    return 0, read_script


def _only_netsh(text: str) -> bool:
    """Whether every line is for netsh or empty, which batch files and PowerShell read alike but for commas."""
    return all(not line.strip() or _NETSH.match(line) for line in text.splitlines()[:-1])


def _start(content: bytes) -> bytes:
    """The beginning of a file, cut where a character ends."""
    cut = content[:_LOOKED_AT]
    if len(content) <= _LOOKED_AT or cut.startswith((b"\xff\xfe", b"\xfe\xff")):
        return cut
    return cut.decode("utf-8", errors="ignore").encode()
