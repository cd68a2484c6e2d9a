"""The words of Windows Firewall: enumerations with their numbers, protocols, keywords (MS-FASP 2.2)."""

from __future__ import annotations

from dataclasses import dataclass

from fwadvisor.diagnostic import did_you_mean
from fwadvisor.model.rule import ICMP, ICMPV6, TCP, UDP


@dataclass(frozen=True, slots=True)
class Enumeration:
    """Words that stand for numbers; PowerShell takes either, in any case, and CIM serializes the numbers."""

    words: dict[str, int]

    def word(self, text: str) -> str | None:
        """The word as Windows spells it, or None where there is none such."""
        wanted = text.strip().lower()
        for word, number in self.words.items():
            if wanted in (word.lower(), str(number)):
                return word
        return None

    def hint(self, text: str) -> str:
        """What to write instead."""
        return did_you_mean(text, self.words) or f"write one of {', '.join(self.words)}"


ENUMERATIONS = {
    "Enabled": Enumeration({"True": 1, "False": 2}),
    "Direction": Enumeration({"Inbound": 1, "Outbound": 2}),
    "Action": Enumeration({"NotConfigured": 0, "Allow": 2, "AllowBypass": 3, "Block": 4}),
    "EdgeTraversalPolicy": Enumeration({"Block": 0, "Allow": 1, "DeferToUser": 2, "DeferToApp": 3}),
    "Authentication": Enumeration({"NotRequired": 0, "Required": 1, "NoEncap": 2}),
    "Encryption": Enumeration({"NotRequired": 0, "Required": 1, "Dynamic": 2}),
    "DynamicTarget": Enumeration(
        {
            "Any": 0, "ProximityApps": 1, "ProximitySharing": 2, "WifiDirectPrinting": 3, "WifiDirectDisplay": 4,
            "WifiDirectDevices": 5,
        }
    ),
    "Profile": Enumeration({"Any": 0, "Domain": 1, "Private": 2, "Public": 4, "NotApplicable": 65535}),
    "InterfaceType": Enumeration({"Any": 0, "Wired": 1, "Wireless": 2, "RemoteAccess": 4}),
}  # fmt: skip
#: The registry's words for what started a connection (MS-GPFAS 2.2.2.20).
STARTED_BY = {
    "proxapps": "ProximityApps", "proxsharing": "ProximitySharing", "wfdprint": "WifiDirectPrinting",
    "wfddisplay": "WifiDirectDisplay", "wfddevices": "WifiDirectDevices",
}  # fmt: skip
#: Those of which several may be given.
FLAGS = frozenset({"Profile", "InterfaceType"})
#: The switches of a profile that a Group Policy may leave open.
SWITCH = Enumeration({"False": 0, "True": 1, "NotConfigured": 2})
DEFAULT_ACTION = Enumeration({"NotConfigured": 0, "Allow": 2, "Block": 4})

PROTOCOLS = {"tcp": TCP, "udp": UDP, "icmpv4": ICMP, "icmpv6": ICMPV6}
#: The number that stands for every protocol.
ANY_PROTOCOL = 256

#: Port keywords (MS-FASP 2.2.14) in the cmdlets' spelling, with their protocol.
LOCAL_PORT_WORDS = {
    "RPC": TCP, "RPCEPMap": TCP, "IPHTTPSIn": TCP, "Teredo": UDP, "PlayToDiscovery": UDP, "DHCP": UDP, "mDNS": UDP,
    "CortanaOut": TCP, "TcpCDPSvc": TCP,
}  # fmt: skip
REMOTE_PORT_WORDS = {"IPHTTPSOut": TCP, "CortanaOut": TCP}
#: Keywords that only make sense for what arrives; MS-FASP 2.2.37 refuses local ones outbound.
INBOUND_PORT_WORDS = frozenset({"RPC", "RPCEPMap", "IPHTTPSIn", "Teredo", "PlayToDiscovery"})
#: Other spellings: the registry's (MS-GPFAS 2.2.2.3) and netsh's.
PORT_SPELLINGS = {
    "rpc-epmap": "RPCEPMap", "iptlsin": "IPHTTPSIn", "iphttps": "IPHTTPSIn", "ply2disc": "PlayToDiscovery",
    "iptlsout": "IPHTTPSOut", "iphttpsin": "IPHTTPSIn", "iphttpsout": "IPHTTPSOut",
}  # fmt: skip

#: Address keywords (MS-FASP 2.2.21); each may be followed by 4 or 6.
ADDRESS_WORDS = (
    "LocalSubnet", "DNS", "DHCP", "WINS", "DefaultGateway", "Internet", "Intranet", "IntranetRemoteAccess",
    "PlayToDevice", "CaptivePortal",
)  # fmt: skip
#: The registry's spellings (MS-GPFAS 2.2.2.13).
ADDRESS_SPELLINGS = {"rmtintranet": "IntranetRemoteAccess", "ply2renders": "PlayToDevice"}


def keyword(text: str, words: tuple[str, ...], spellings: dict[str, str]) -> str | None:
    """The keyword that a text stands for, as the cmdlets spell it."""
    wanted = text.lower()
    wanted = spellings.get(wanted, wanted).lower()
    return next((word for word in words if word.lower() == wanted), None)
