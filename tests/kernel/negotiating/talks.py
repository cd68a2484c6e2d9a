"""The conversations: each function talks until ports are agreed, and returns what was agreed."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address

from fwadvisor.model.address import Family

from .meeting import Meeting

FTP, FTP_DATA, TFTP, SIP, IRC, AMANDA, SANE, PPTP = 21, 20, 69, 5060, 6667, 10080, 6566, 1723
#: The ports that the conversations agree on.
DATA = 51210


@dataclass(frozen=True, slots=True)
class Agreed:
    """Ports that somebody may reach now: who (of the parties), over what, and from which port (0: any)."""

    transport: str
    source: str
    target: str
    ports: tuple[int, ...]
    sport: int = 0
    #: Whether a stranger may as well.
    anybody: bool = False


def _comma(address: str, port: int) -> str:
    return f"{address.replace('.', ',')},{port >> 8},{port & 255}"


def ftp_control(meeting: Meeting) -> tuple[socket.socket, socket.socket]:
    """A control connection with a line each way: the helper reads from the second line on."""
    client, server = meeting.connection(FTP)
    for sender, reader, line in ((server, client, b"220 ready\r\n"), (client, server, b"USER anonymous\r\n")):
        sender.sendall(line)
        reader.recv(64)
    return client, server


def ftp_passive(meeting: Meeting) -> list[Agreed]:
    """The server names a port."""
    client, server = ftp_control(meeting)
    address = meeting.address(meeting.asked)
    if meeting.family is Family.IPV4:
        words = f"227 Entering Passive Mode ({_comma(address, DATA)}).\r\n"
    else:
        words = f"229 Entering Extended Passive Mode (|||{DATA}|)\r\n"
    server.sendall(words.encode())
    client.recv(200)
    return [Agreed("tcp", meeting.asking, meeting.asked, (DATA,))]


def ftp_active(meeting: Meeting) -> list[Agreed]:
    """The client names a port, and the server connects from port 20."""
    client, server = ftp_control(meeting)
    address = meeting.address(meeting.asking)
    command = f"PORT {_comma(address, DATA)}" if meeting.family is Family.IPV4 else f"EPRT |2|{address}|{DATA}|"
    client.sendall(f"{command}\r\n".encode())
    server.recv(200)
    return [Agreed("tcp", meeting.asked, meeting.asking, (DATA,), FTP_DATA)]


def tftp(meeting: Meeting) -> list[Agreed]:
    """The server answers a request from any port."""
    client = meeting.open(meeting.asking, socket.SOCK_DGRAM, DATA)
    server = meeting.open(meeting.asked, socket.SOCK_DGRAM, TFTP)
    client.sendto(b"\0\1image\0octet\0", (meeting.address(meeting.asked), TFTP))
    server.recv(64)
    client.close()
    return [Agreed("udp", meeting.asked, meeting.asking, (DATA,), 50000)]


def _body(address: str, family: Family, port: int) -> str:
    version = f"IP{family.value}"
    return (
        f"v=0\r\no=- 1 1 IN {version} {address}\r\ns=-\r\nc=IN {version} {address}\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP 0\r\n"
    )


def _sip(meeting: Meeting, line: str, tag: str, contact: str, port: int, owner: str) -> bytes:
    """A message of SIP that describes a session at `owner`."""
    brackets = "[{}]" if meeting.family is Family.IPV6 else "{}"
    caller, callee = (brackets.format(meeting.address(place)) for place in (meeting.asking, meeting.asked))
    body = _body(meeting.address(owner), meeting.family, port)
    return (
        f"{line.format(callee)}\r\nVia: SIP/2.0/UDP {caller}:{SIP};branch=z9hG4bK1\r\n"
        f"From: <sip:a@{caller}>;tag=1\r\nTo: <sip:b@{callee}>{tag}\r\nCall-ID: 1@{caller}\r\nCSeq: 1 INVITE\r\n"
        f"Contact: <sip:{contact}@{brackets.format(meeting.address(owner))}>\r\n"
        f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def sip_invite(meeting: Meeting) -> tuple[socket.socket, socket.socket, bytes]:
    """The sockets of both, and the INVITE as it was heard."""
    client = meeting.open(meeting.asking, socket.SOCK_DGRAM, SIP)
    server = meeting.open(meeting.asked, socket.SOCK_DGRAM, SIP)
    said = _sip(meeting, "INVITE sip:b@{} SIP/2.0", "", "a", DATA, meeting.asking)
    client.sendto(said, (meeting.address(meeting.asked), SIP))
    return client, server, server.recv(2000)


def sip(meeting: Meeting) -> list[Agreed]:
    """An INVITE with its answer, each with a description of the session."""
    client, server, _ = sip_invite(meeting)
    said = _sip(meeting, "SIP/2.0 200 OK", ";tag=2", "b", DATA + 10, meeting.asked)
    server.sendto(said, (meeting.address(meeting.asking), SIP))
    client.recv(2000)
    return [
        Agreed("udp", meeting.asked, meeting.asking, (DATA, DATA + 1), 50000),
        Agreed("udp", meeting.asking, meeting.asked, (DATA + 10, DATA + 11), 50000),
    ]


def irc(meeting: Meeting) -> list[Agreed]:
    """The client offers a file; the offer does not say who is meant, so anybody may fetch it."""
    client, server = meeting.connection(IRC)
    number = int(IPv4Address(meeting.address(meeting.asking)))
    client.sendall(f"PRIVMSG bob :\1DCC SEND file {number} {DATA} 10\1\r\n".encode())
    server.recv(200)
    return [Agreed("tcp", meeting.asked, meeting.asking, (DATA,), anybody=True)]


def amanda(meeting: Meeting) -> list[Agreed]:
    """The backup client names three ports."""
    director = meeting.open(meeting.asking, socket.SOCK_DGRAM, 850)
    client = meeting.open(meeting.asked, socket.SOCK_DGRAM, AMANDA)
    head = "Amanda 2.6 {} HANDLE 000-00000001 SEQ 1\n"
    director.sendto((head.format("REQ") + "SERVICE sendbackup\n").encode(), (meeting.address(meeting.asked), AMANDA))
    client.recv(2000)
    ports = DATA, DATA + 1, DATA + 2
    words = head.format("REP") + "CONNECT DATA {} MESG {} INDEX {}\nOPTIONS ;\n".format(*ports)
    client.sendto(words.encode(), (meeting.address(meeting.asking), 850))
    director.recv(2000)
    return [Agreed("tcp", meeting.asking, meeting.asked, ports)]


def sane(meeting: Meeting) -> list[Agreed]:
    """The scanner host names the port of the image."""
    client, server = meeting.connection(SANE)
    start = 7
    client.sendall(struct.pack("!II", start, 0))
    server.recv(64)
    server.sendall(struct.pack("!IHH", 0, 0, DATA) + bytes(8))
    client.recv(64)
    return [Agreed("tcp", meeting.asking, meeting.asked, (DATA,))]


def pptp(meeting: Meeting) -> list[Agreed]:
    """Each side chooses the call identifier of what it is sent."""
    client, server = meeting.connection(PPTP)
    ours, theirs = 1001, 2002

    def message(kind: int, body: bytes) -> bytes:
        return struct.pack("!HHIHH", 12 + len(body), 1, 0x1A2B3C4D, kind, 0) + body

    for sender, reader, said in (
        (client, server, message(1, struct.pack("!HBBIIHH", 0x100, 0, 0, 1, 1, 0, 0) + bytes(128))),
        (server, client, message(2, struct.pack("!HBBIIHH", 0x100, 1, 0, 1, 1, 1, 0) + bytes(128))),
        (client, server, message(7, struct.pack("!HH", ours, 1) + bytes(152))),
        (server, client, message(8, struct.pack("!HHBBHIHHI", theirs, ours, 1, 0, 0, 100000, 64, 0, 0))),
    ):
        sender.sendall(said)
        reader.recv(500)
    return [
        Agreed("gre", meeting.asking, meeting.asked, (theirs,)),
        Agreed("gre", meeting.asked, meeting.asking, (ours,)),
    ]
