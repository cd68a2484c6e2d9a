"""Every match of iptables at least once: what it matches and what not."""

#: Rows that iptables itself loads as well.
LOADABLE = r"""
# --- addresses, interfaces, protocols
-s 10.0.0.0/8                          => src=10.0.0.0; src=10.255.255.255; not src=9.255.255.255; not src=11.0.0.0
-s 10.1.2.3/8                          => src=10.0.0.0; not src=11.0.0.0
-s 10.0.0.0/255.0.255.0                => src=10.9.0.7; not src=10.9.1.7; not src=11.9.0.7
-s 10                                  => src=10.0.0.0; not src=10.0.0.1
-s 010.0.0.1                           => src=8.0.0.1; not src=10.0.0.1
-s 0/0                                 => src=10.0.0.0; src=255.255.255.255
! -s 10.0.0.0/8                        => src=9.0.0.0; not src=10.3.3.3
-s 10.0.0.1,10.0.0.3                   => src=10.0.0.1; src=10.0.0.3; not src=10.0.0.2
-s 10.0.0.1,10.0.0.3 -d 9.9.9.9,8.8.8.8 => src=10.0.0.3 dst=8.8.8.8; src=10.0.0.1 dst=9.9.9.9; not src=10.0.0.1
--source 10.0.0.1 --dst 10.0.0.2       => src=10.0.0.1 dst=10.0.0.2; not src=10.0.0.1
6 -s 2001:db8::/32                     => src=2001:db8:1::; not src=2001:db9::
6 -s 2001:db8::1/ffff:ffff::           => src=2001:db8:1::; not src=2001:db9::
6 ! -d 2001:db8:f::1                   => dst=2001:db8:f::2; not dst=2001:db8:f::1
-i eth0                                => in=eth0; not in=eth1; not in=lo
-i eth+                                => in=eth0; in=eth; not in=wan0
-i lo                                  => in=lo; not in=lo1
-i l+                                  => in=lo; in=lan0; not in=eth0
! -i lo                                => in=eth0; not in=lo
! -i eth+                              => in=wan0; not in=eth7
-i +                                   => in=eth0; in=lo
-p tcp                                 => tcp; not udp
-p 17                                  => udp; not tcp
-p TCP                                 => tcp; not udp
-p all                                 => tcp; udp; 89
! -p udp                               => tcp; 89; not udp
-p 0x6                                 => tcp; not udp
-p icmp                                => icmp; not icmpv6
-p ipv6-icmp                           => icmpv6; not icmp
--proto udp                            => udp; not tcp
6 -p icmpv6                            => icmpv6; not tcp
-f                                     => {fragment}; not tcp
! -f                                   => tcp; not {fragment}
-4                                     => tcp
# --- ports
-p tcp --dport 22                      => tcp dport=22; not tcp dport=23; not udp dport=22
-p tcp -m tcp --dport 22 --sport 1:2   => dport=22 sport=1; not dport=22 sport=3; not dport=21 sport=1
-p tcp --dport :22                     => dport=0; dport=22; not dport=23
-p tcp --dport 1024:                   => dport=1024; dport=65535; not dport=1023
-p tcp ! --dport 22                    => dport=23; not dport=22
-p tcp --destination-port ssh          => dport=22; not dport=23
-p tcp --dport 0x16                    => dport=22; not dport=16
-p udp -m udp --dport 68 -m udp --sport 67 => udp dport=68 sport=67; not udp dport=68 sport=68
-p udp --dport 53 -m conntrack --ctstate NEW => udp dport=53; not udp dport=53 state=established
-p sctp --dport 2905                   => sctp dport=2905; not tcp dport=2905; not sctp dport=2906
-p dccp --sport 5004:5005              => dccp sport=5005; not dccp sport=5006
-p sctp -m sctp --chunk-types any INIT => sctp {sctp chunks any INIT}; not sctp
-p dccp -m dccp --dccp-types REQUEST   => dccp {dccp types REQUEST}; not dccp
-p tcp -m multiport --dports 22,80:90,443 => dport=22; dport=85; dport=443; not dport=91; not dport=442
-p udp -m multiport --sports 1,2       => udp sport=2; not udp sport=3
-p tcp -m multiport --ports 22,80      => dport=22; dport=1 sport=80; not dport=1 sport=2
-p tcp -m multiport ! --ports 22,80    => dport=1 sport=2; not dport=22; not dport=1 sport=80
-p tcp -m multiport ! --dports 22,23   => dport=24; not dport=22
-p tcp -m multiport --dport 22,80      => dport=22; dport=80; not dport=81
-p tcp -m multiport ! --dport 22,80    => dport=81; not dport=80
-m multiport -p tcp --dports 22        => dport=22; not dport=23
-p udplite -m multiport --dports 9     => udplite dport=9; not udp dport=9
-p tcp --syn                           => flags=S; flags=SE; not flags=SA; not flags=A; not udp
-p tcp ! --syn                         => flags=SA; not flags=S
-p tcp --tcp-flags SYN,ACK NONE        => flags=F; not flags=S; not flags=A
-p tcp --tcp-flags ALL FIN,PSH,URG     => flags=FPU; flags=FPUE; not flags=F
-p tcp ! --tcp-flags FIN,SYN,RST,ACK SYN => flags=A; not flags=S
-p tcp --tcp-option 5                  => {tcp option 5}; not tcp
-p tcp -m tcpmss --mss 0:500           => {tcp maximum segment 0-500}; not tcp
-p icmp --icmp-type 8                  => icmp icmp=8/0; icmp icmp=8/3; not icmp icmp=0/0
-p icmp --icmp-type echo-request       => icmp icmp=8/0; not icmp icmp=0/0
-p icmp --icmp-type 3/4                => icmp icmp=3/4; not icmp icmp=3/3
-p icmp --icmp-type frag               => icmp icmp=3/4; not icmp icmp=3/3
-p icmp --icmp-type any                => icmp icmp=3/4; icmp icmp=255/1; not tcp
-p icmp --icmp-type 255                => icmp icmp=8/0
-p icmp ! --icmp-type 8                => icmp icmp=0/0; not icmp icmp=8/0
6 -p icmpv6 --icmpv6-type echo-request => icmpv6 icmp=128/0; not icmpv6 icmp=129/0
6 -p ipv6-icmp -m icmp6 --icmpv6-type 1/3 => icmpv6 icmp=1/3; not icmpv6 icmp=1/4
6 -p icmpv6 -m icmpv6 ! --icmpv6-type 128 => icmpv6 icmp=129/0; not icmpv6 icmp=128/0
-p esp -m esp --espspi 256:512         => esp {esp spi 256-512}; not esp
-p ah -m ah --ahspi 1                  => ah {ah spi 1}; not ah
6 -p ah -m ah --ahspi 1                => ah {ah spi 1}; not ah
-p 108 -m ipcomp --ipcompspi 5         => 108 {ipcomp spi 5}; not 108
# --- connection tracking
-m conntrack --ctstate NEW,ESTABLISHED => state=new; state=established; not state=related; not state=invalid
-m conntrack ! --ctstate NEW           => state=invalid; state=untracked; not state=new
-m conntrack --ctstate DNAT
    => {connection status dnat}; not state=new; not state=invalid {connection status dnat}
-m conntrack --ctstate RELATED,SNAT    => state=related; state=new {connection status snat}; not state=new
-m conntrack ! --ctstate RELATED,SNAT  => state=new; not state=related; not state=new {connection status snat}
-m state --state NEW                   => state=new; not state=established
-m state --state estab,RELATED         => state=established; state=related; not state=new
-m state ! --state INVALID             => state=new; not state=invalid
-m conntrack --ctproto 6
    => {connection original protocol 6}; not tcp; not state=invalid {connection original protocol 6}
-m conntrack --ctstate INVALID,NEW --ctproto 6
    => state=invalid; state=new {connection original protocol 6}; not state=new
-m conntrack --ctorigsrc 10.0.0.0/8    => {connection original source 10.0.0.0/8}; not tcp
-m conntrack ! --ctorigdst 10.0.0.1    => tcp; not {connection original destination 10.0.0.1}
-m conntrack --ctreplsrc 10.0.0.1 --ctrepldst 10.0.0.2
    => {connection reply source 10.0.0.1}{connection reply destination 10.0.0.2}; not tcp
-m conntrack --ctorigdstport 80        => {connection original destination port 80}; not tcp
-m conntrack --ctstatus ASSURED        => {connection status assured}; not tcp
-m conntrack --ctstatus EXPECTED,SEEN_REPLY => {connection status expected}; {connection status seen-reply}; not tcp
-m conntrack --ctexpire 1:30           => {connection expires in 1-30}; not tcp
-m conntrack --ctdir ORIGINAL          => {connection direction original}; not tcp
-m conntrack --ctdir REPLY             => tcp; not {connection direction original}
-m helper --helper ftp                 => state=related helper=ftp; not state=related helper=irc; not tcp
-m helper ! --helper ftp               => tcp; not state=related helper=ftp
-m helper --helper ftp-2121            => state=related helper=ftp-2121; state=related helper=ftp; not tcp
-m connmark --mark 1                   => cmark=1; not cmark=2; not state=untracked cmark=1
-m connmark ! --mark 0x10/0xfffffff0   => cmark=1; not cmark=0x1f; not state=invalid cmark=1
-m connbytes --connbytes 1000: --connbytes-dir both --connbytes-mode bytes
    => {connection bytes both 1000-18446744073709551615}; not tcp
-m connlimit --connlimit-above 10      => {connections above 10 by source/32}; not tcp
-m connlimit --connlimit-upto 10 --connlimit-mask 24 --connlimit-daddr
    => tcp; not {connections above 10 by destination/24}
-m connlabel --label 5                 => {connection label 5}; not tcp
# --- the packet and its marks
-m length --length 100:200             => length=100; length=200; not length=99
-m length ! --length 100               => length=99; not length=100
-m ttl --ttl-eq 64                     => ttl=64; not ttl=63
-m ttl --ttl-lt 5                      => ttl=4; not ttl=5
-m ttl --ttl-gt 5                      => ttl=6; not ttl=5
6 -m hl --hl-eq 255                    => ttl=255; not ttl=64
6 -m hl ! --hl-eq 255                  => ttl=64; not ttl=255
-m dscp --dscp 0x2e                    => dscp=46; not dscp=0
-m dscp --dscp-class AF41              => dscp=34; not dscp=0
-m dscp ! --dscp-class cs1             => dscp=0; not dscp=8
-m tos --tos 0x10/0x3c                 => dscp=4; dscp=20; not dscp=0
-m tos --tos Minimize-Delay            => dscp=4 {ecn 0/3}; not dscp=4; not dscp=0 {ecn 0/3}
-p tcp -m ecn --ecn-tcp-ece            => flags=SE; not flags=S
-m ecn --ecn-ip-ect 1                  => {ecn 1/3}; not tcp
-m mark --mark 5                       => mark=5; not mark=6
-m mark ! --mark 5                     => mark=6; not mark=5
-m mark --mark 0x10/0xfffffff0         => mark=0x1f; not mark=0x20
-m u32 --u32 "6&0xFF=0"                => 0; not tcp
-m u32 --u32 "6 & 0xFF = 1:6,17"       => tcp; udp; not 47
-m u32 --u32 "0>>22&0x3C@0>>16=53"     => {u32 0x0>>0x16&0x3c@0x0>>0x10=0x35}; not tcp
-m string --string "GET " --algo bm    => {string "GET "}; not tcp
-m string --hex-string "|474554|x" --algo kmp --from 40 --to 90 --icase
    => {string "GETx" from 40 to 90 icase}; not tcp
# --- kinds of addresses
-m iprange --src-range 10.0.0.5-10.0.0.9 => src=10.0.0.5; src=10.0.0.9; not src=10.0.0.10
-m iprange ! --dst-range 10.0.0.5-10.0.0.9 => dst=10.0.0.4; not dst=10.0.0.5
-m mac --mac-source 00:0a:0B:33:44:55  => {source mac 00:0a:0b:33:44:55}; not tcp
-m mac ! --mac-source 00:0a:0B:33:44:55 => tcp; not {source mac 00:0a:0b:33:44:55}
-m addrtype --dst-type LOCAL           => dtype=local; not dtype=unicast
-m addrtype --src-type LOCAL,BROADCAST => stype=local; stype=broadcast; not stype=unicast
-m addrtype ! --dst-type MULTICAST     => dtype=unicast; not dtype=multicast
-m addrtype --src-type UNREACHABLE     => {source type unreachable}; not tcp
-m addrtype --src-type UNICAST,PROHIBIT => stype=unicast; stype=local {source type prohibit}; not stype=local
-m addrtype --dst-type LOCAL --limit-iface-in => {destination type local on in interface}; not dtype=local
6 -m addrtype --dst-type LOCAL         => dtype=local; not dtype=unicast
6 -m addrtype --src-type UNICAST       => stype=local; stype=unicast; not stype=unicast src=::; not stype=multicast
-m pkttype --pkt-type multicast        => {pkttype multicast}; not tcp
-m pkttype ! --pkt-type host           => tcp; not {pkttype unicast}
# --- the world outside of the packet
-m limit --limit 5/sec                 => {limit 5/second burst 5 packets}; not tcp
-m limit --limit 60/minute --limit-burst 9 => {limit 1/second burst 9 packets}; not tcp
-m limit                               => {limit 3/hour burst 5 packets}; not tcp
-m hashlimit --hashlimit-above 10/min --hashlimit-mode srcip --hashlimit-name ssh
    => {hashlimit ssh above 10/minute burst 5 by srcip}; not tcp
-m hashlimit --hashlimit-upto 3/hour --hashlimit-burst 7 --hashlimit-mode dstport,srcip --hashlimit-name a
    => tcp; not {hashlimit a above 3/hour burst 7 by srcip,dstport}
-m recent --name bad --rcheck --seconds 60 --hitcount 4 => {recent bad rcheck seconds 60 hitcount 4 source}; not tcp
-m recent --update --rdest             => {recent DEFAULT update destination}; not tcp
-m recent --set                        => tcp
-m recent ! --rcheck --name x          => tcp; not {recent x rcheck source}
-m statistic --mode random --probability 0.5 => {probability 0.5}; not tcp
-m statistic --mode nth --every 3 --packet 1 => {packet 1 of every 3}; not tcp
-m quota --quota 1000                  => {quota 1000 bytes}; not tcp
-m time --timestart 09:00 --timestop 17:30 => {time hour 09:00:00-17:30:00 utc}; not tcp
-m time --timestart 22:00 --weekdays Sat,Su
    => {time hour 22:00:00-23:59:59 utc}{time day sunday utc}; not {time hour 22:00:00-23:59:59 utc}
-m time ! --weekdays Sat --kerneltz    => tcp; not {time day saturday local}
-m time --monthdays 1,31               => {time day of month 31 utc}; not tcp
-m time --datestart 2026-01-01 --datestop 2026-12-31T23:59:59
    => {time date 2026-01-01T00:00:00-2026-12-31T23:59:59 utc}; not tcp
-m physdev --physdev-in eth0           => {physdev in eth0}; not tcp
-m physdev --physdev-is-bridged        => {physdev is bridged}; not tcp
-m policy --dir in --pol ipsec         => {ipsec in}; not tcp
-m policy --dir in --pol none          => tcp; not {ipsec in}
-m policy --dir in --pol ipsec --reqid 5 => {ipsec in pol ipsec reqid 5}; not tcp
-m realm --realm 10                    => {realm 10}; not tcp
-m devgroup --src-group 5              => {in interface group 5}; not tcp
-m cpu --cpu 0                         => {cpu 0}; not tcp
-m cgroup --cgroup 1048577             => {cgroup 1048577}; not tcp
-m socket --transparent                => {socket transparent}; not tcp
-m socket                              => {socket}; not tcp
-m comment --comment "a \"b\" \\ c"    => tcp
-m comment --comment x -p udp          => udp; not tcp
-m bpf --bytecode "1,6 0 0 65535"      => {bpf bytecode 1,6 0 0 65535}; not tcp
-m cluster --cluster-total-nodes 2 --cluster-local-node 1 --cluster-hash-seed 7
    => {cluster node 0x1 of 2 by 0x7}; not tcp
-p tcp -m osf --genre Linux            => {osf genre Linux}; not tcp
6 -m eui64                             => {eui64}; not tcp
6 -m frag --fragid 5 --fragfirst       => {frag fragfirst fragid 5}; not tcp
6 -m rt --rt-type 0                    => {rt rt-type 0}; not tcp
6 -m rt ! --rt-type 0                  => tcp; not {rt rt-type 0}
6 -m dst --dst-len 8                   => {dst dst-len 8}; not tcp
6 -m hbh --hbh-len 8                   => {hbh hbh-len 8}; not tcp
6 -p mh -m mh --mh-type 1              => 135 {mh mh-type 1}; not 135
6 -m ipv6header --header frag --soft   => {ipv6 headers 44 among others}; not tcp
6 -m srh --srh-tag 5                   => {srh srh-tag 5}; not tcp
"""

#: Rows that need more than a bare machine: modules of the kernel, sets, other points.
OTHERS = r"""
-s ! 10.0.0.0/8                        => src=9.0.0.0; not src=10.3.3.3
-m statistic --mode nth ! --every 3    => tcp; not {packet 0 of every 3}
-m ipvs --ipvs                         => {ipvs ipvs}; not tcp
-p tcp --dport=22                      => dport=22; not dport=23
-ptcp                                  => tcp; not udp
-ieth0                                 => in=eth0; not in=eth1
! -ieth0                               => in=eth1; not in=eth0
-p tcp ! --dport=22                    => dport=23; not dport=22
-m nfacct --nfacct-name web            => tcp
-m rateest --rateest a --rateest-lt --rateest-bps1 1mbit => {rateest rateest a rateest-bps1 1mbit rateest-lt}; not tcp
-m owner --uid-owner 0                 => {owner uid 0}; not tcp
-m owner --uid-owner root              => {owner uid 0}; not tcp
-m owner ! --gid-owner 5-9             => tcp; not {owner gid 5-9}
-m owner --socket-exists               => {owner socket exists}; not tcp
-m owner --uid-owner alice             => {owner uid alice}; not tcp
-m rpfilter --loose                    => {reverse path loose}; not tcp
-m rpfilter --invert                   => tcp; not {reverse path}
-m time --timestart 22:00 --timestop 06:00 --weekdays Sat --contiguous
    => {time contiguous timestart 22:00 timestop 06:00 weekdays Sat}; not tcp
-m set --match-set seen src --packets-gt 5 => {set seen (src) packets-gt 5}; not tcp
-s www.example.com                     => {source www.example.com}; not tcp
! -s www.example.com                   => tcp; not {source www.example.com}
-m geoip --src-cc DE,AT                => {geoip --src-cc DE,AT}; not tcp
-m geoip ! --src-cc DE -p udp          => udp {geoip ! --src-cc DE}; not tcp {geoip ! --src-cc DE}; not udp
-s 0.0.0.1/0.0.0.1                     => {source 0.0.0.1/0.0.0.1}; not tcp
"""

#: Rules with targets: IP version, table, built-in chain, words.
TARGETS = [
    (4, "filter", "INPUT", "-j ACCEPT"),
    (4, "filter", "INPUT", "-j DROP"),
    (4, "filter", "INPUT", "-j RETURN"),
    (4, "filter", "INPUT", "-p udp"),
    (4, "filter", "INPUT", "-j REJECT"),
    (4, "filter", "INPUT", "-p tcp -j REJECT --reject-with tcp-reset"),
    (4, "filter", "INPUT", "-j REJECT --reject-with icmp-admin-prohibited"),
    (6, "filter", "INPUT", "-j REJECT --reject-with adm-prohibited"),
    (4, "filter", "INPUT", '-j LOG --log-prefix "in \\"a\\": " --log-level info --log-uid'),
    (4, "filter", "INPUT", "-j NFLOG --nflog-prefix x --nflog-group 5"),
    (4, "filter", "INPUT", "-j NFQUEUE --queue-num 3 --queue-bypass"),
    (4, "filter", "FORWARD", "-p tcp --syn -j TCPMSS --clamp-mss-to-pmtu"),
    (4, "filter", "FORWARD", "-j MARK --set-xmark 0x10/0xff"),
    (4, "nat", "PREROUTING", "-p tcp --dport 80 -j DNAT --to-destination 10.0.0.5:8080"),
    (4, "nat", "PREROUTING", "-p tcp -j DNAT --to-destination 10.0.0.5-10.0.0.9:80-90 --persistent"),
    (4, "nat", "PREROUTING", "-p tcp --dport 80 -j REDIRECT --to-ports 3128"),
    (4, "nat", "PREROUTING", "-d 10.0.0.0/24 -j NETMAP --to 10.1.0.0/24"),
    (6, "nat", "PREROUTING", "-p udp -j DNAT --to-destination [fd00::5]:53"),
    (6, "nat", "PREROUTING", "-j DNAT --to-destination fd00::5"),
    (4, "nat", "POSTROUTING", "-o wan0 -j MASQUERADE"),
    (4, "nat", "POSTROUTING", "-p tcp -j MASQUERADE --to-ports 1024-2048 --random"),
    (4, "nat", "POSTROUTING", "-s 10.0.0.0/8 -j SNAT --to-source 198.51.100.1"),
    (4, "raw", "PREROUTING", "-p udp --dport 69 -j CT --helper tftp"),
    (4, "raw", "PREROUTING", "-j CT --notrack"),
    (4, "raw", "PREROUTING", "-j CT --zone 5"),
    (4, "raw", "PREROUTING", "-j TRACE"),
    (4, "mangle", "PREROUTING", "-j MARK --set-mark 5"),
    (4, "mangle", "PREROUTING", "-j MARK --set-mark 0x5/0x3"),
    (4, "mangle", "PREROUTING", "-j MARK --or-mark 0x10"),
    (4, "mangle", "PREROUTING", "-j MARK --and-mark 0xff"),
    (4, "mangle", "PREROUTING", "-j MARK --xor-mark 0xff"),
    (4, "mangle", "PREROUTING", "-j CONNMARK --set-mark 7"),
    (4, "mangle", "PREROUTING", "-j CONNMARK --restore-mark"),
    (4, "mangle", "PREROUTING", "-j CONNMARK --save-mark --nfmask 0xff --ctmask 0xff"),
    (4, "mangle", "POSTROUTING", "-j CLASSIFY --set-class 1:5"),
    (4, "mangle", "POSTROUTING", "-j DSCP --set-dscp-class EF"),
    (4, "mangle", "POSTROUTING", "-j DSCP --set-dscp 0x0a"),
    (4, "mangle", "POSTROUTING", "-j TOS --set-tos Minimize-Delay"),
    (4, "mangle", "POSTROUTING", "-j TOS --set-tos 0x10/0x3c"),
    (4, "mangle", "POSTROUTING", "-j TTL --ttl-set 64"),
    (4, "mangle", "POSTROUTING", "-j TTL --ttl-dec 1"),
    (6, "mangle", "POSTROUTING", "-j HL --hl-set 64"),
    (4, "mangle", "POSTROUTING", "-p udp -j CHECKSUM --checksum-fill"),
    (4, "mangle", "POSTROUTING", "-p tcp -j TCPOPTSTRIP --strip-options 5"),
    (4, "mangle", "PREROUTING", "-p tcp -j TPROXY --on-port 3128 --tproxy-mark 0x1/0x1"),
    (4, "mangle", "PREROUTING", "-j TEE --gateway 10.0.0.1"),
    (4, "mangle", "PREROUTING", "-j HMARK --hmark-tuple src --hmark-mod 4 --hmark-offset 1 --hmark-rnd 5"),
    (4, "filter", "INPUT", "-p tcp -j SYNPROXY --sack-perm --timestamp --wscale 7 --mss 1460"),
    (6, "mangle", "POSTROUTING", "-j SNPT --src-pfx fd00::/64 --dst-pfx 2001:db8::/64"),
    (4, "filter", "INPUT", "-j IDLETIMER --timeout 60 --label idle"),
]
