"""Make the messages of the calls: encoded by pycrate's H.225.0 and H.245, written as readable hex with their decoding.

    python tests/kernel/call/make_vectors.py        # writes tests/kernel/call/vectors/*.txt

pycrate is a development dependency of this script alone; the tests only read what it wrote. Addresses and ports that a
call chooses are slots: the script encodes patterns in their places and writes their names instead.

Two things are done to what pycrate makes. Contents of extensions are encoded as they stand, behind the bitmap and
aligned (X.691, 19.8), where it counts their place from before the bitmap and may pad an octet too many. And unless a
message is said to be new, components that H.225.0 version 4 (2000) does not have are taken out of the types, as a
sender of that version does: bitmaps of extensions get shorter by that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pycrate_asn1dir import H225, H245
from pycrate_asn1rt.codecs import ASN1CodecPER

VECTORS = Path(__file__).with_name("vectors")
MESSAGES, CONTROL = H225.H323_MESSAGES, H245.MULTIMEDIA_SYSTEM_CONTROL
#: The last extension that version 4 knows of each message.
_VERSION_4 = {
    "setup": "parallelH245Control",
    "connect": "featureSet",
    "callProceeding": "featureSet",
    "alerting": "featureSet",
    "releaseComplete": "featureSet",
    "registrationRequest": "genericData",
    "registrationConfirm": "genericData",
    "admissionRequest": "genericData",
    "admissionConfirm": "genericData",
    "gatekeeperRequest": "genericData",
    "gatekeeperConfirm": "genericData",
}
_CALL = bytes.fromhex("0123456789abcdef0123456789abcdef")
_H225_4, _H225_7 = (0, 0, 8, 2250, 0, 4), (0, 0, 8, 2250, 0, 7)
_H245_7 = (0, 0, 8, 245, 0, 7)
_SETUP, _PROCEEDING, _ALERTING, _CONNECT, _RELEASE, _FACILITY = 0x05, 0x02, 0x01, 0x07, 0x5A, 0x62


def _aligned_extensions() -> None:
    """Let the contents of extensions count from an octet's begin, which is where they stand."""
    plain = ASN1CodecPER.encode_unconst_open

    def encode(component: Any) -> Any:
        before = ASN1CodecPER._off[-1]
        ASN1CodecPER._off[-1] = 0
        made = plain(component)
        ASN1CodecPER._off[-1] += before
        return made

    ASN1CodecPER.encode_unconst_open = staticmethod(encode)


@contextmanager
def _version_4() -> Iterator[None]:
    """The types without what came after version 4."""
    kept = []
    pdu = MESSAGES.H323_UserInformation._cont["h323-uu-pdu"]
    bodies = {**pdu._cont["h323-message-body"]._cont, **MESSAGES.RasMessage._cont}
    for name, last in _VERSION_4.items():
        type_ = bodies[name]
        kept.append((type_, type_._ext, type_._ext_nest))
        known = type_._ext.index(last) + 1
        type_._ext, type_._ext_nest = type_._ext[:known], type_._ext_nest[:known]
    try:
        yield
    finally:
        for type_, extensions, nest in kept:
            type_._ext, type_._ext_nest = extensions, nest


class Slots:
    """Patterns that stand for addresses and ports until they are named in the text."""

    def __init__(self, family: int) -> None:
        self.family = family
        self.patterns: dict[bytes, str] = {}

    def _pattern(self, name: str, length: int) -> bytes:
        number = 0xA0 + len(self.patterns)
        pattern = bytes([number, number ^ 0x5F] * (length // 2))
        self.patterns[pattern] = name
        return pattern

    def _known(self, name: str, length: int) -> bytes:
        return next((each for each, known in self.patterns.items() if known == name), None) or self._pattern(
            name, length
        )

    def address(self, name: str) -> bytes:
        """The pattern of an address."""
        return self._known(f"{name}.address", 4 if self.family == 4 else 16)

    def port(self, name: str) -> int:
        """The pattern of a port."""
        return int.from_bytes(self._known(f"{name}.port", 2))

    def h225(self, name: str) -> tuple[str, dict[str, Any]]:
        """A TransportAddress of H.225.0; the host has one address and `name` its port: ``callee.h245``."""
        kind = "ipAddress" if self.family == 4 else "ip6Address"
        return kind, {"ip": self.address(name.split(".")[0]), "port": self.port(name)}

    def h245(self, name: str) -> tuple[str, Any]:
        """A TransportAddress of H.245."""
        kind = "iPAddress" if self.family == 4 else "iP6Address"
        value = {"network": self.address(name.split(".")[0]), "tsapIdentifier": self.port(name)}
        return "unicastAddress", (kind, value)


# H.245


def _control(kind: str, name: str, value: Any) -> tuple[str, Any]:
    return kind, (name, value)


def _audio() -> tuple[str, Any]:
    return "audioData", ("g711Ulaw64k", 20)


def capabilities() -> tuple[str, Any]:
    """TerminalCapabilitySet: G.711 one way and back."""
    return _control(
        "request",
        "terminalCapabilitySet",
        {
            "sequenceNumber": 1,
            "protocolIdentifier": _H245_7,
            "multiplexCapability": (
                "h2250Capability",
                {
                    "maximumAudioDelayJitter": 60,
                    "receiveMultipointCapability": _multipoint(),
                    "transmitMultipointCapability": _multipoint(),
                    "receiveAndTransmitMultipointCapability": _multipoint(),
                    "mcCapability": {"centralizedConferenceMC": False, "decentralizedConferenceMC": False},
                    "rtcpVideoControlCapability": False,
                    "mediaPacketizationCapability": {"h261aVideoPacketization": False},
                },
            ),
            "capabilityTable": [
                {
                    "capabilityTableEntryNumber": 1,
                    "capability": ("receiveAndTransmitAudioCapability", ("g711Ulaw64k", 20)),
                }
            ],
            "capabilityDescriptors": [{"capabilityDescriptorNumber": 0, "simultaneousCapabilities": [[1]]}],
        },
    )


_DISTRIBUTIONS = (
    "centralizedControl", "distributedControl", "centralizedAudio", "distributedAudio", "centralizedVideo",
    "distributedVideo",
)  # fmt: skip


def _multipoint() -> dict[str, Any]:
    return {
        "multicastCapability": False,
        "multiUniCastConference": False,
        "mediaDistributionCapability": [dict.fromkeys(_DISTRIBUTIONS, False)],
    }


def open_channel(slots: Slots, sender: str) -> tuple[str, Any]:
    """OpenLogicalChannel: audio from `sender`, who hears RTCP where it says."""
    return _control("request", "openLogicalChannel", _channel(slots, sender, 1))


def _channel(slots: Slots, sender: str, number: int) -> dict[str, Any]:
    return {
        "forwardLogicalChannelNumber": number,
        "forwardLogicalChannelParameters": {
            "dataType": _audio(),
            "multiplexParameters": (
                "h2250LogicalChannelParameters",
                {"sessionID": 1, "mediaControlChannel": slots.h245(f"{sender}.rtcp")},
            ),
        },
    }


def acknowledge_channel(slots: Slots, receiver: str) -> tuple[str, Any]:
    """OpenLogicalChannelAck: where `receiver` hears RTP and RTCP."""
    parameters = {
        "sessionID": 1,
        "mediaChannel": slots.h245(f"{receiver}.rtp"),
        "mediaControlChannel": slots.h245(f"{receiver}.rtcp"),
    }
    value = {
        "forwardLogicalChannelNumber": 1,
        "forwardMultiplexAckParameters": ("h2250LogicalChannelAckParameters", parameters),
    }
    return _control("response", "openLogicalChannelAck", value)


def open_data(slots: Slots, owner: str) -> tuple[str, Any]:
    """OpenLogicalChannel for T.120: `owner` waits for it at an address of its own."""
    data = {"application": ("t120", ("separateLANStack", 0)), "maxBitRate": 640}
    parameters = {"sessionID": 3}
    value = {
        "forwardLogicalChannelNumber": 3,
        "forwardLogicalChannelParameters": {
            "dataType": ("data", data),
            "multiplexParameters": ("h2250LogicalChannelParameters", parameters),
        },
        "reverseLogicalChannelParameters": {
            "dataType": ("data", data),
            "multiplexParameters": ("h2250LogicalChannelParameters", parameters),
        },
        "separateStack": {
            "distribution": ("unicast", 0),
            "networkAddress": ("localAreaAddress", slots.h245(f"{owner}.t120")),
            "associateConference": False,
        },
    }
    return _control("request", "openLogicalChannel", value)


def _h245(message: tuple[str, Any]) -> bytes:
    CONTROL.MultimediaSystemControlMessage.set_val(message)
    return bytes(CONTROL.MultimediaSystemControlMessage.to_aper())


# Fast connect (H.323, 8.1.7): OpenLogicalChannel structures inside call signalling


def _fast_offer(slots: Slots) -> list[bytes]:
    """What the caller proposes: audio to the callee, and audio from the callee to where the caller hears it."""
    return [_structure(_channel(slots, "caller", 1)), _structure(_reverse(slots, "caller"))]


def _fast_answer(slots: Slots) -> list[bytes]:
    """What the callee takes: where it hears the caller, and that it sends."""
    forward = _channel(slots, "callee", 1)
    _, parameters = forward["forwardLogicalChannelParameters"]["multiplexParameters"]
    parameters["mediaChannel"] = slots.h245("callee.rtp")
    return [_structure(forward), _structure(_reverse(slots, "callee"))]


def _reverse(slots: Slots, at: str) -> dict[str, Any]:
    parameters = {
        "sessionID": 1,
        "mediaControlChannel": slots.h245(f"{at}.rtcp"),
    }
    if at == "caller":
        parameters["mediaChannel"] = slots.h245("caller.rtp")
    return {
        "forwardLogicalChannelNumber": 2,
        "forwardLogicalChannelParameters": {"dataType": ("nullData", 0), "multiplexParameters": ("none", 0)},
        "reverseLogicalChannelParameters": {
            "dataType": _audio(),
            "multiplexParameters": ("h2250LogicalChannelParameters", parameters),
        },
    }


def _structure(value: dict[str, Any]) -> bytes:
    CONTROL.OpenLogicalChannel.set_val(value)
    return bytes(CONTROL.OpenLogicalChannel.to_aper())


# H.225.0 call signalling


def _endpoint() -> dict[str, Any]:
    return {"terminal": {}, "mc": False, "undefinedNode": False}


def _body(kind: str, value: dict[str, Any], tunnelled: bool | None = False, control: list[bytes] | None = None) -> Any:
    pdu: dict[str, Any] = {"h323-message-body": (kind, value)}
    if tunnelled is not None:
        pdu["h245Tunnelling"] = tunnelled
    if control:
        pdu["h245Control"] = control
    return {"h323-uu-pdu": pdu}


def setup(slots: Slots, version: Any = _H225_4, **more: Any) -> dict[str, Any]:
    """Setup-UUIE of the caller."""
    return {
        "protocolIdentifier": version,
        "sourceInfo": _endpoint(),
        "destCallSignalAddress": slots.h225("callee.signal"),
        "activeMC": False,
        "conferenceID": _CALL,
        "conferenceGoal": ("create", 0),
        "callType": ("pointToPoint", 0),
        "sourceCallSignalAddress": slots.h225("caller.signal"),
        "callIdentifier": {"guid": _CALL},
        "mediaWaitForConnect": False,
        "canOverlapSend": False,
        **more,
    }


def answer(version: Any = _H225_4, **more: Any) -> dict[str, Any]:
    """CallProceeding-UUIE or Alerting-UUIE of the callee."""
    return {"protocolIdentifier": version, "destinationInfo": _endpoint(), "callIdentifier": {"guid": _CALL}, **more}


def connect(version: Any = _H225_4, **more: Any) -> dict[str, Any]:
    """Connect-UUIE of the callee."""
    return {**answer(version), "conferenceID": _CALL, **more}


def _q931(kind: int, body: Any) -> bytes:
    """A message of Q.931 (H.225.0, 7.2): call reference, bearer capability, and the user-user element."""
    MESSAGES.H323_UserInformation.set_val(body)
    user = bytes(MESSAGES.H323_UserInformation.to_aper())
    reference = b"\x08\x02" + (b"\x00\x01" if kind == _SETUP else b"\x80\x01") + bytes([kind])
    bearer = b"\x04\x03\x88\x93\xa5" if kind in {_SETUP, _CONNECT} else b""
    return reference + bearer + b"\x7e" + (len(user) + 1).to_bytes(2) + b"\x05" + user


def _tpkt(content: bytes) -> bytes:
    """Framed for TCP (RFC 1006)."""
    return b"\x03\x00" + (len(content) + 4).to_bytes(2) + content


def _signal(kind: int, body: Any) -> bytes:
    return _tpkt(_q931(kind, body))


# RAS


def _ras(kind: str, value: dict[str, Any]) -> bytes:
    MESSAGES.RasMessage.set_val((kind, value))
    return bytes(MESSAGES.RasMessage.to_aper())


def _alias(number: str) -> tuple[str, str]:
    return "dialledDigits", number


def discovery(slots: Slots) -> dict[str, Any]:
    """GatekeeperRequest."""
    return {
        "requestSeqNum": 1,
        "protocolIdentifier": _H225_4,
        "rasAddress": slots.h225("caller.ras"),
        "endpointType": _endpoint(),
    }


def discovered(slots: Slots) -> dict[str, Any]:
    """GatekeeperConfirm."""
    return {"requestSeqNum": 1, "protocolIdentifier": _H225_4, "rasAddress": slots.h225("gatekeeper.ras")}


def registration(slots: Slots) -> dict[str, Any]:
    """RegistrationRequest."""
    return {
        "requestSeqNum": 2,
        "protocolIdentifier": _H225_4,
        "discoveryComplete": True,
        "callSignalAddress": [slots.h225("caller.signal")],
        "rasAddress": [slots.h225("caller.ras")],
        "terminalType": _endpoint(),
        "terminalAlias": [_alias("1001")],
        "endpointVendor": {"vendor": {"t35CountryCode": 181, "t35Extension": 0, "manufacturerCode": 18}},
        "timeToLive": 60,
        "keepAlive": False,
        "willSupplyUUIEs": False,
        "maintainConnection": False,
    }


def registered(slots: Slots) -> dict[str, Any]:
    """RegistrationConfirm."""
    return {
        "requestSeqNum": 2,
        "protocolIdentifier": _H225_4,
        "callSignalAddress": [slots.h225("gatekeeper.signal")],
        "terminalAlias": [_alias("1001")],
        "endpointIdentifier": "E1",
        "timeToLive": 60,
        "willRespondToIRR": False,
        "maintainConnection": False,
    }


def admission(slots: Slots) -> dict[str, Any]:
    """AdmissionRequest."""
    return {
        "requestSeqNum": 3,
        "callType": ("pointToPoint", 0),
        "endpointIdentifier": "E1",
        "destinationInfo": [_alias("1002")],
        "srcInfo": [_alias("1001")],
        "srcCallSignalAddress": slots.h225("caller.signal"),
        "bandWidth": 1280,
        "callReferenceValue": 1,
        "conferenceID": _CALL,
        "activeMC": False,
        "answerCall": False,
        "canMapAlias": True,
        "callIdentifier": {"guid": _CALL},
        "willSupplyUUIEs": False,
    }


def admitted(slots: Slots) -> dict[str, Any]:
    """AdmissionConfirm: call the callee at the address that it says, which need not be port 1720."""
    return {
        "requestSeqNum": 3,
        "bandWidth": 1280,
        "callModel": ("direct", 0),
        "destCallSignalAddress": slots.h225("callee.signal"),
        "irrFrequency": 120,
        "willRespondToIRR": False,
        "uuiesRequested": {
            "setup": False, "callProceeding": False, "connect": False, "alerting": False, "information": False,
            "releaseComplete": False, "facility": False, "progress": False, "empty": False,
        },
    }  # fmt: skip


#: Name -> what it is, and how it is made.
MADE: dict[str, tuple[str, Callable[[Slots], bytes]]] = {
    "setup": ("SETUP: slow start, H.245 apart", lambda s: _signal(_SETUP, _body("setup", setup(s)))),
    "setup-fast": (
        "SETUP with fast connect: it proposes audio both ways",
        lambda s: _signal(_SETUP, _body("setup", setup(s, fastStart=_fast_offer(s)))),
    ),
    "setup-tunnelled": (
        "SETUP that offers to tunnel H.245",
        lambda s: _signal(_SETUP, _body("setup", setup(s), tunnelled=True)),
    ),
    "call-proceeding": (
        "CALL PROCEEDING",
        lambda s: _signal(_PROCEEDING, _body("callProceeding", answer())),
    ),
    "alerting": ("ALERTING", lambda s: _signal(_ALERTING, _body("alerting", answer()))),
    "alerting-early": (
        "ALERTING that says already where H.245 is awaited",
        lambda s: _signal(_ALERTING, _body("alerting", answer(h245Address=s.h225("callee.h245")))),
    ),
    "connect": (
        "CONNECT that says where H.245 is awaited",
        lambda s: _signal(_CONNECT, _body("connect", connect(h245Address=s.h225("callee.h245")))),
    ),
    "connect-fast": (
        "CONNECT that takes the proposals of fast connect",
        lambda s: _signal(_CONNECT, _body("connect", connect(fastStart=_fast_answer(s)))),
    ),
    "connect-tunnelled": (
        "CONNECT that takes tunnelled H.245",
        lambda s: _signal(_CONNECT, _body("connect", connect(), tunnelled=True)),
    ),
    "tunnelled-capabilities": (
        "FACILITY that carries TerminalCapabilitySet",
        lambda s: _tunnel(capabilities()),
    ),
    "tunnelled-open": (
        "FACILITY of the caller that carries OpenLogicalChannel",
        lambda s: _tunnel(open_channel(s, "caller")),
    ),
    "tunnelled-acknowledge": (
        "FACILITY of the callee that carries OpenLogicalChannelAck",
        lambda s: _tunnel(acknowledge_channel(s, "callee")),
    ),
    "release-complete": (
        "RELEASE COMPLETE",
        lambda s: _signal(
            _RELEASE, _body("releaseComplete", {"protocolIdentifier": _H225_4, "callIdentifier": {"guid": _CALL}})
        ),
    ),
    "capabilities": ("TerminalCapabilitySet", lambda s: _tpkt(_h245(capabilities()))),
    "capabilities-ack": (
        "TerminalCapabilitySetAck",
        lambda s: _tpkt(_h245(_control("response", "terminalCapabilitySetAck", {"sequenceNumber": 1}))),
    ),
    "determination": (
        "MasterSlaveDetermination",
        lambda s: _tpkt(
            _h245(
                _control(
                    "request",
                    "masterSlaveDetermination",
                    {"terminalType": 50, "statusDeterminationNumber": 12345},
                )
            )
        ),
    ),
    "determination-ack": (
        "MasterSlaveDeterminationAck",
        lambda s: _tpkt(_h245(_control("response", "masterSlaveDeterminationAck", {"decision": ("master", 0)}))),
    ),
    "open-caller": ("OpenLogicalChannel of the caller", lambda s: _tpkt(_h245(open_channel(s, "caller")))),
    "open-callee": ("OpenLogicalChannel of the callee", lambda s: _tpkt(_h245(open_channel(s, "callee")))),
    "acknowledge-callee": (
        "OpenLogicalChannelAck of the callee",
        lambda s: _tpkt(_h245(acknowledge_channel(s, "callee"))),
    ),
    "acknowledge-caller": (
        "OpenLogicalChannelAck of the caller",
        lambda s: _tpkt(_h245(acknowledge_channel(s, "caller"))),
    ),
    "open-data": ("OpenLogicalChannel for T.120", lambda s: _tpkt(_h245(open_data(s, "caller")))),
    "end-session": (
        "EndSessionCommand",
        lambda s: _tpkt(_h245(_control("command", "endSessionCommand", ("disconnect", 0)))),
    ),
    "discovery": ("GatekeeperRequest", lambda s: _ras("gatekeeperRequest", discovery(s))),
    "discovered": ("GatekeeperConfirm", lambda s: _ras("gatekeeperConfirm", discovered(s))),
    "registration": ("RegistrationRequest", lambda s: _ras("registrationRequest", registration(s))),
    "registered": ("RegistrationConfirm", lambda s: _ras("registrationConfirm", registered(s))),
    "admission": ("AdmissionRequest", lambda s: _ras("admissionRequest", admission(s))),
    "admitted": ("AdmissionConfirm", lambda s: _ras("admissionConfirm", admitted(s))),
}


def _tunnel(message: tuple[str, Any]) -> bytes:
    return _signal(_FACILITY, _body("empty", 0, tunnelled=True, control=[_h245(message)]))


def _new_connect(slots: Slots) -> bytes:
    value = connect(_H225_7, h245Address=slots.h225("callee.h245"))
    return _signal(_CONNECT, _body("connect", value))


#: Messages of senders of version 7, whose extension bitmaps are longer.
NEW: dict[str, tuple[str, Callable[[Slots], bytes]]] = {
    "connect-new": ("CONNECT of H.225.0 version 7", _new_connect),
    "setup-new": ("SETUP of H.225.0 version 7", lambda s: _signal(_SETUP, _body("setup", setup(s, _H225_7)))),
}


def _shown(message: bytes, slots: Slots) -> str:
    """Hex in lines of sixteen octets, slots named in lines of their own."""
    pattern = b"|".join(sorted(map(re.escape, slots.patterns), key=len, reverse=True))
    lines = []
    at = 0
    for hit in re.finditer(pattern, message, re.DOTALL) if pattern else ():
        lines += _hex(message[at : hit.start()])
        lines.append(f"<{slots.patterns[hit.group()]}>")
        at = hit.end()
    return "\n".join([*lines, *_hex(message[at:])])


def _hex(octets: bytes) -> Iterator[str]:
    for start in range(0, len(octets), 16):
        yield octets[start : start + 16].hex(" ")


def _decoded(message: bytes, slots: Slots) -> str:
    """What pycrate reads in it, with the names of the slots."""
    if message[:2] == b"\x03\x00":
        content = message[4:]
        if content[:1] == b"\x08":
            type_, octets = MESSAGES.H323_UserInformation, content[content.index(b"\x7e") + 4 :]
        else:
            type_, octets = CONTROL.MultimediaSystemControlMessage, content
    else:
        type_, octets = MESSAGES.RasMessage, message
    type_.from_aper(octets)
    text = type_.to_asn1()
    for pattern, name in slots.patterns.items():
        shown = f"'{pattern.hex().upper()}'H" if name.endswith(".address") else str(int.from_bytes(pattern))
        text = text.replace(shown, f"<{name}>")
    return text


def _text(name: str, title: str, make: Callable[[Slots], bytes]) -> str:
    parts = [f"# {title}", "# Made by make_vectors.py; <slots> are filled in by each call.", ""]
    shown = ""
    for family in (4, 6):
        slots = Slots(family)
        message = make(slots)
        decoded = _decoded(message, slots)
        parts += [f"ipv{family}:", _shown(message, slots), ""]
        shown = shown or decoded
    return "\n".join([*parts, "decoded:", shown]).rstrip() + "\n"


def main() -> None:
    """Write every message."""
    _aligned_extensions()
    VECTORS.mkdir(exist_ok=True)
    with _version_4():
        for name, (title, make) in MADE.items():
            (VECTORS / f"{name}.txt").write_text(_text(name, title, make), encoding="utf-8")
    for name, (title, make) in NEW.items():
        (VECTORS / f"{name}.txt").write_text(_text(name, title, make), encoding="utf-8")


if __name__ == "__main__":
    main()
