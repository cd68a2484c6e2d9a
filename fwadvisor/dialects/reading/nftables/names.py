"""Words that nft takes for numbers, as nft(8) and the registries it uses list them."""

from __future__ import annotations


def _numbers(text: str) -> dict[str, int]:
    words = text.split()
    return {word: int(number, 0) for word, number in zip(words[::2], words[1::2], strict=True)}


#: IANA protocol numbers, by the names of the protocols file of Linux systems.
PROTOCOLS = _numbers("""
    ip 0 hopopt 0 icmp 1 igmp 2 ggp 3 ipencap 4 ipv4 4 st 5 tcp 6 egp 8 igp 9 pup 12 udp 17 hmp 20 xns-idp 22 rdp 27
    iso-tp4 29 dccp 33 xtp 36 ddp 37 idpr-cmtp 38 ipv6 41 ipv6-route 43 ipv6-frag 44 idrp 45 rsvp 46 gre 47 esp 50
    ah 51 skip 57 ipv6-icmp 58 icmpv6 58 ipv6-nonxt 59 ipv6-opts 60 rspf 73 vmtp 81 eigrp 88 ospf 89 ospfigp 89 ax.25 93
    ipip 94 etherip 97 encap 98 pim 103 ipcomp 108 comp 108 vrrp 112 l2tp 115 isis 124 sctp 132 fc 133
    mobility-header 135 udplite 136 mpls-in-ip 137 manet 138 hip 139 shim6 140 wesp 141 rohc 142 ethernet 143""")
#: IANA service names, as far as rule files use them.
SERVICES = _numbers("""
    tcpmux 1 echo 7 discard 9 systat 11 daytime 13 netstat 15 qotd 17 chargen 19 ftp-data 20 ftp 21 ssh 22 telnet 23
    smtp 25 time 37 whois 43 tacacs 49 domain 53 bootps 67 bootpc 68 tftp 69 gopher 70 finger 79 http 80 kerberos 88
    iso-tsap 102 acr-nema 104 pop3 110 sunrpc 111 auth 113 nntp 119 ntp 123 epmap 135 netbios-ns 137 netbios-dgm 138
    netbios-ssn 139 imap2 143 snmp 161 snmp-trap 162 cmip-man 163 cmip-agent 164 mailq 174 xdmcp 177 bgp 179 smux 199
    qmtp 209 z3950 210 ipx 213 ptp-event 319 ptp-general 320 pawserv 345 zserv 346 rpc2portmap 369 codaauth2 370
    clearcase 371 ldap 389 svrloc 427 https 443 snpp 444 microsoft-ds 445 kpasswd 464 submissions 465 saft 487
    isakmp 500 exec 512 biff 512 login 513 who 513 shell 514 syslog 514 printer 515 talk 517 ntalk 518 route 520
    gdomap 538 uucp 540 klogin 543 kshell 544 dhcpv6-client 546 dhcpv6-server 547 afpovertcp 548 rtsp 554 nntps 563
    submission 587 nqs 607 asf-rmcp 623 qmqp 628 ipp 631 ldaps 636 ldp 646 tinc 655 silc 706 kerberos-adm 749
    domain-s 853 rsync 873 ftps-data 989 ftps 990 telnets 992 imaps 993 pop3s 995 socks 1080 proofd 1093 rootd 1094
    rmiregistry 1099 openvpn 1194 lotusnote 1352 ms-sql-s 1433 ms-sql-m 1434 ingreslock 1524 kermit 1649 groupwise 1677
    l2f 1701 radius 1812 radius-acct 1813 cisco-sccp 2000 nfs 2049 gnunet 2086 gsigatekeeper 2119 gris 2135
    cvspserver 2401 venus 2430 mon 2583 gpsd 2947 gds-db 3050 icpv2 3130 isns 3205 iscsi-target 3260 mysql 3306
    ms-wbt-server 3389 nut 3493 distcc 3632 daap 3689 svn 3690 suucp 4031 sysrqd 4094 sieve 4190 f5-iquery 4353
    epmd 4369 remctl 4373 ipsec-nat-t 4500 iax 4569 mtn 4691 radmin-port 4899 sip 5060 sip-tls 5061 xmpp-client 5222
    xmpp-server 5269 cfengine 5308 mdns 5353 postgresql 5432 freeciv 5556 amqps 5671 amqp 5672 x11 6000 ircd 6667
    ircs-u 6697 http-alt 8080 bacula-dir 9101 bacula-fd 9102 bacula-sd 9103 git 9418 zabbix-agent 10050
    zabbix-trapper 10051 amanda 10080""")
ICMP_TYPES = _numbers("""
    echo-reply 0 destination-unreachable 3 source-quench 4 redirect 5 echo-request 8 router-advertisement 9
    router-solicitation 10 time-exceeded 11 parameter-problem 12 timestamp-request 13 timestamp-reply 14 info-request 15
    info-reply 16 address-mask-request 17 address-mask-reply 18""")
ICMPV6_TYPES = _numbers("""
    destination-unreachable 1 packet-too-big 2 time-exceeded 3 parameter-problem 4 echo-request 128 echo-reply 129
    mld-listener-query 130 mld-listener-report 131 mld-listener-done 132 mld-listener-reduction 132
    nd-router-solicit 133 nd-router-advert 134 nd-neighbor-solicit 135 nd-neighbor-advert 136 nd-redirect 137
    router-renumbering 138 ind-neighbor-solicit 141 ind-neighbor-advert 142 mld2-listener-report 143""")
ICMP_CODES = _numbers("""
    net-unreachable 0 host-unreachable 1 prot-unreachable 2 port-unreachable 3 frag-needed 4 net-prohibited 9
    host-prohibited 10 admin-prohibited 13""")
ICMPV6_CODES = _numbers("""
    no-route 0 admin-prohibited 1 addr-unreachable 3 port-unreachable 4 policy-fail 5 reject-route 6""")
TCP_FLAGS = _numbers("fin 1 syn 2 rst 4 psh 8 ack 16 urg 32 ecn 64 cwr 128")
#: nf_conntrack_common.h: NF_CT_STATE_BIT of the state, and the bit of untracked packets.
CT_STATES = _numbers("invalid 1 established 2 related 4 new 8 untracked 64")
CT_STATUS = _numbers("expected 1 seen-reply 2 assured 4 confirmed 8 snat 16 dnat 32 dying 512")
DSCP = _numbers("""
    cs0 0 cs1 8 cs2 16 cs3 24 cs4 32 cs5 40 cs6 48 cs7 56 df 0 be 0 lephb 1 va 44 af11 10 af12 12 af13 14 af21 18
    af22 20 af23 22 af31 26 af32 28 af33 30 af41 34 af42 36 af43 38 ef 46""")
#: rtnetlink's route types (RTN_UNICAST and so on), which ``fib ... type`` gives.
ROUTE_TYPES = _numbers("""
    unspec 0 unicast 1 local 2 broadcast 3 anycast 4 multicast 5 blackhole 6 unreachable 7 prohibit 8 throw 9 nat 10
    xresolve 11""")
FAMILIES = _numbers("ipv4 2 ipv6 10")
ETHER_TYPES = _numbers("ip 0x0800 arp 0x0806 ip6 0x86dd 8021q 0x8100 8021ad 0x88a8 vlan 0x8100")
PACKET_TYPES = _numbers("host 0 unicast 0 broadcast 1 multicast 2 other 3 otherhost 3 loopback 5")
DAYS = _numbers("Sunday 0 Monday 1 Tuesday 2 Wednesday 3 Thursday 4 Friday 5 Saturday 6")
DIRECTIONS = _numbers("original 0 reply 1")
BOOLEANS = _numbers("missing 0 exists 1 false 0 true 1")
