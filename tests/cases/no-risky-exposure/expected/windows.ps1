#Requires -Version 5.1
#Requires -RunAsAdministrator
# Windows Firewall rules of the policy no-risky-exposure.
# fwadvisor 0.1.0: policy no-risky-exposure for a host
# profile no-risky-exposure (No risky exposure): protect=self, log=false
#
# Look first:  powershell -ExecutionPolicy Bypass -File windows.ps1 -WhatIf
# Load:        powershell -ExecutionPolicy Bypass -File windows.ps1
#              then open a NEW connection to this machine; unless the next command follows within
#              5 minutes (-RollbackMinutes N), everything is put back as it was.
# Keep:        powershell -ExecutionPolicy Bypass -File windows.ps1 -Commit
# Check:       Get-NetFirewallRule -Group 'fwadvisor' | Format-Table Name, Enabled, Direction, Action, DisplayName
# Undo:        powershell -ExecutionPolicy Bypass -File windows.ps1 -Rollback     (the state before the last load)
#              powershell -ExecutionPolicy Bypass -File windows.ps1 -Uninstall    (only take these rules away)
#
# The rules below decide as the policy does only where they are alone: other Allow rules open more, other
# Block rules close more. -Exclusive disables the other local rules; those of Group Policy stay.
# Forwarded packets, loopback and replies of known connections are never asked about. A firewall or VPN product
# with its own filters may still refuse what is allowed here. Blocked is silent: Windows cannot reject.
#
# No profile here needs anything, so whatever they do not close stays open. For a machine that is
# closed but for its purpose, add the profiles of that purpose, or workstation or server-baseline.
#
# Windows Firewall: forwarding is not filtered; it is off unless somebody turned it on.
[CmdletBinding(SupportsShouldProcess, DefaultParameterSetName = 'Load')]
param(
    # Minutes after which a load that was not confirmed is undone, counted from its end.
    [Parameter(ParameterSetName = 'Load')] [ValidateRange(1, 1440)] [int] $RollbackMinutes = 5,
    # Disable every other local rule, so that these rules are the whole policy.
    [Parameter(ParameterSetName = 'Load')] [switch] $Exclusive,
    # Keep what was loaded: take the timed rollback away.
    [Parameter(Mandatory, ParameterSetName = 'Commit')] [switch] $Commit,
    # Put everything back as it was before the last load, now.
    [Parameter(Mandatory, ParameterSetName = 'Rollback')] [switch] $Rollback,
    # Remove the rules of this policy and set the defaults that Windows comes with.
    [Parameter(Mandatory, ParameterSetName = 'Uninstall')] [switch] $Uninstall
)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'

$Group = 'fwadvisor'
$Generation = 'fwa-no-risky-exposure-14526843a1-'
$InboundDefault = 'Allow'
$OutboundDefault = 'Allow'
$LogBlocked = 'False'

# Addresses that several rules share.
$Set1 = @('1.0.0.0-9.255.255.255', '11.0.0.0-126.255.255.255', '128.0.0.0-169.253.255.255', '169.255.0.0-172.15.255.255', '172.32.0.0-192.167.255.255', '192.169.0.0-223.255.255.255', '64:ff9b::/96', '2000::/3')

# Rules of the policy that need none here:
# in-0005 accept path MTU errors (baseline): the default does the same
# in-0006 accept IPv6 errors that hosts rely on (baseline): the default does the same
# in-0008 accept IPv6 neighbour discovery (baseline): the default does the same
# in-0009 accept IPv6 multicast listener discovery (baseline): the default does the same
# in-0010 accept DHCP answers (baseline): the default does the same
# in-0011 accept DHCPv6 answers (baseline): the default does the same
# out-0005 accept path MTU errors (baseline): the default does the same
# out-0006 accept IPv6 errors that hosts rely on (baseline): the default does the same
# out-0007 accept IPv6 neighbour discovery (baseline): the default does the same
# out-0008 accept IPv6 multicast listener discovery (baseline): the default does the same
# out-0009 accept DHCP requests (baseline): the default does the same
# out-0010 accept DHCPv6 requests (baseline): the default does the same

# Order means nothing to Windows and Block overrides Allow: the policy's first-match order is compiled in.
$Rules = @(
    @{ Name = 'in-0012'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'TCP'; LocalPort = '1503'; RemoteAddress = $Set1; DisplayName = 'in 0012 t120: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0013'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'TCP'; LocalPort = '2379-2380'; RemoteAddress = $Set1; DisplayName = 'in 0013 etcd: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0014'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'TCP'; LocalPort = '10250'; RemoteAddress = $Set1; DisplayName = 'in 0014 kubelet: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0015'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'TCP'; LocalPort = '2375-2376'; RemoteAddress = $Set1; DisplayName = 'in 0015 docker-api: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0016'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'TCP'; LocalPort = '1433'; RemoteAddress = $Set1; DisplayName = 'in 0016 mssql: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0017'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'UDP'; LocalPort = '1434'; RemoteAddress = $Set1; DisplayName = 'in 0017 mssql-browser: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0018'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'TCP'; LocalPort = '6379'; RemoteAddress = $Set1; DisplayName = 'in 0018 redis: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0019'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'TCP'; LocalPort = '11211'; RemoteAddress = $Set1; DisplayName = 'in 0019 memcached: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0020'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'UDP'; LocalPort = '11211'; RemoteAddress = $Set1; DisplayName = 'in 0020 memcached: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0021'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'TCP'; LocalPort = '27017'; RemoteAddress = $Set1; DisplayName = 'in 0021 mongodb: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0022'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'TCP'; LocalPort = '9200'; RemoteAddress = $Set1; DisplayName = 'in 0022 elasticsearch: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0023'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'TCP'; LocalPort = '9300'; RemoteAddress = $Set1; DisplayName = 'in 0023 es-transport: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0024'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'TCP'; LocalPort = '9092'; RemoteAddress = $Set1; DisplayName = 'in 0024 kafka: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0025'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'TCP'; LocalPort = '502'; RemoteAddress = $Set1; DisplayName = 'in 0025 modbus: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0026'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'TCP'; LocalPort = '20000'; RemoteAddress = $Set1; DisplayName = 'in 0026 dnp3: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0027'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'UDP'; LocalPort = '20000'; RemoteAddress = $Set1; DisplayName = 'in 0027 dnp3: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0028'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'TCP'; LocalPort = '102'; RemoteAddress = $Set1; DisplayName = 'in 0028 s7comm: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0029'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'UDP'; LocalPort = '47808'; RemoteAddress = $Set1; DisplayName = 'in 0029 bacnet: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0030'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'UDP'; LocalPort = '1900'; RemoteAddress = $Set1; DisplayName = 'in 0030 ssdp: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0031'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'UDP'; LocalPort = '5351'; RemoteAddress = $Set1; DisplayName = 'in 0031 pcp: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0032'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'TCP'; LocalPort = '554'; RemoteAddress = $Set1; DisplayName = 'in 0032 rtsp: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0033'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'TCP'; LocalPort = '2404'; RemoteAddress = $Set1; DisplayName = 'in 0033 iec104: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0034'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'TCP'; LocalPort = '44818'; RemoteAddress = $Set1; DisplayName = 'in 0034 ethernet-ip: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0035'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'UDP'; LocalPort = '44818'; RemoteAddress = $Set1; DisplayName = 'in 0035 ethernet-ip: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0036'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'UDP'; LocalPort = '2222'; RemoteAddress = $Set1; DisplayName = 'in 0036 ethernet-ip-io: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0037'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'TCP'; LocalPort = '512-514'; RemoteAddress = $Set1; DisplayName = 'in 0037 r-services: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0038'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'TCP'; LocalPort = '4786'; RemoteAddress = $Set1; DisplayName = 'in 0038 cisco-smart-install: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0039'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'TCP'; LocalPort = '8291'; RemoteAddress = $Set1; DisplayName = 'in 0039 winbox: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0040'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'TCP'; LocalPort = '7547'; RemoteAddress = $Set1; DisplayName = 'in 0040 cwmp: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0041'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'TCP'; LocalPort = '5555'; RemoteAddress = $Set1; DisplayName = 'in 0041 adb: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0042'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'UDP'; LocalPort = '4789'; RemoteAddress = $Set1; DisplayName = 'in 0042 vxlan: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0043'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'UDP'; LocalPort = '8472'; RemoteAddress = $Set1; DisplayName = 'in 0043 vxlan-linux: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0044'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'UDP'; LocalPort = '6081'; RemoteAddress = $Set1; DisplayName = 'in 0044 geneve: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0045'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'UDP'; LocalPort = '161'; RemoteAddress = $Set1; DisplayName = 'in 0045 snmp: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0046'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'UDP'; LocalPort = '623'; RemoteAddress = $Set1; DisplayName = 'in 0046 ipmi: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0047'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'TCP'; LocalPort = '23'; RemoteAddress = $Set1; DisplayName = 'in 0047 telnet: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0048'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'UDP'; LocalPort = '69'; RemoteAddress = $Set1; DisplayName = 'in 0048 tftp: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0049'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'TCP'; LocalPort = '3389'; RemoteAddress = $Set1; DisplayName = 'in 0049 rdp: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0050'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'UDP'; LocalPort = '3389'; RemoteAddress = $Set1; DisplayName = 'in 0050 rdp: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0051'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'TCP'; LocalPort = '5900-5903'; RemoteAddress = $Set1; DisplayName = 'in 0051 vnc: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0052'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'TCP'; LocalPort = '5985-5986'; RemoteAddress = $Set1; DisplayName = 'in 0052 winrm: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0053'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'TCP'; LocalPort = '6000-6063'; RemoteAddress = $Set1; DisplayName = 'in 0053 x11: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0054'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'TCP'; LocalPort = '2049'; RemoteAddress = $Set1; DisplayName = 'in 0054 nfs: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0055'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'UDP'; LocalPort = '2049'; RemoteAddress = $Set1; DisplayName = 'in 0055 nfs: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0056'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'TCP'; LocalPort = '3260'; RemoteAddress = $Set1; DisplayName = 'in 0056 iscsi: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0057'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'TCP'; LocalPort = '135'; RemoteAddress = $Set1; DisplayName = 'in 0057 msrpc: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0058'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'UDP'; LocalPort = '135'; RemoteAddress = $Set1; DisplayName = 'in 0058 msrpc: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0059'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'TCP'; LocalPort = '139'; RemoteAddress = $Set1; DisplayName = 'in 0059 netbios-ssn: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0060'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'TCP'; LocalPort = '445'; RemoteAddress = $Set1; DisplayName = 'in 0060 smb: outside to self'; Description = 'no-risky-exposure:34; Exposed to the internet these meant unauthenticated takeover, data loss, or a worm' }
    @{ Name = 'in-0061-p1'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'TCP'; LocalPort = '88', '135', '389', '464'; RemoteAddress = $Set1; DisplayName = 'in 0061 tcp,udp 88,135,389,464: outside to self'; Description = 'no-risky-exposure:41; Directory and logon services_ CLDAP also amplifies attacks on others' }
    @{ Name = 'in-0061-p2'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'UDP'; LocalPort = '88', '135', '389', '464'; RemoteAddress = $Set1; DisplayName = 'in 0061 tcp,udp 88,135,389,464: outside to self'; Description = 'no-risky-exposure:41; Directory and logon services_ CLDAP also amplifies attacks on others' }
    @{ Name = 'in-0062'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'TCP'; LocalPort = '636', '3268-3269', '9389'; RemoteAddress = $Set1; DisplayName = 'in 0062 tcp 636,3268-3269,9389: outside to self'; Description = 'no-risky-exposure:41; Directory and logon services_ CLDAP also amplifies attacks on others' }
    @{ Name = 'in-0063'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'UDP'; LocalPort = '137-138'; RemoteAddress = $Set1; DisplayName = 'in 0063 udp 137-138: outside to self'; Description = 'no-risky-exposure:41; Directory and logon services_ CLDAP also amplifies attacks on others' }
    @{ Name = 'in-0064-p1'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'TCP'; LocalPort = '111', '2049'; RemoteAddress = $Set1; DisplayName = 'in 0064 tcp,udp 111,2049: outside to self'; Description = 'no-risky-exposure:47; Access by address instead of a login' }
    @{ Name = 'in-0064-p2'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'UDP'; LocalPort = '111', '2049'; RemoteAddress = $Set1; DisplayName = 'in 0064 tcp,udp 111,2049: outside to self'; Description = 'no-risky-exposure:47; Access by address instead of a login' }
    @{ Name = 'in-0065'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'TCP'; LocalPort = '548', '873'; RemoteAddress = $Set1; DisplayName = 'in 0065 tcp 548,873: outside to self'; Description = 'no-risky-exposure:47; Access by address instead of a login' }
    @{ Name = 'in-0066'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'TCP'; LocalPort = '1521', '3306', '5432', '5984', '7000-7001', '8086', '9042', '28017'; RemoteAddress = $Set1; DisplayName = 'in 0066 tcp 1521,3306,5432,5984,7000-7001,8086,9042,28017: outside to self'; Description = 'no-risky-exposure:53; Passwords are guessed, flaws are exploited before they are known_ put the application or a VPN in front' }
    @{ Name = 'in-0067-p1'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'TCP'; LocalPort = '7', '9', '13', '17', '19'; RemoteAddress = $Set1; DisplayName = 'in 0067 tcp,udp 7,9,13,17,19: outside to self'; Description = 'no-risky-exposure:59; They serve nobody but amplifiers of attacks' }
    @{ Name = 'in-0067-p2'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'UDP'; LocalPort = '7', '9', '13', '17', '19'; RemoteAddress = $Set1; DisplayName = 'in 0067 tcp,udp 7,9,13,17,19: outside to self'; Description = 'no-risky-exposure:59; They serve nobody but amplifiers of attacks' }
    @{ Name = 'in-0068'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'TCP'; LocalPort = '79'; RemoteAddress = $Set1; DisplayName = 'in 0068 tcp 79: outside to self'; Description = 'no-risky-exposure:59; They serve nobody but amplifiers of attacks' }
    @{ Name = 'in-0069'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'UDP'; LocalPort = '514', '3702', '5353', '5355'; RemoteAddress = $Set1; DisplayName = 'in 0069 udp 514,3702,5353,5355: outside to self'; Description = 'no-risky-exposure:65; Made for one link: they trust who asks, and answer more than was asked' }
    @{ Name = 'in-0070'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'TCP'; LocalPort = '5355', '5357-5358'; RemoteAddress = $Set1; DisplayName = 'in 0070 tcp 5355,5357-5358: outside to self'; Description = 'no-risky-exposure:65; Made for one link: they trust who asks, and answer more than was asked' }
    @{ Name = 'in-0071'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'TCP'; LocalPort = '515', '631', '9100'; RemoteAddress = $Set1; DisplayName = 'in 0071 tcp 515,631,9100: outside to self'; Description = 'no-risky-exposure:71; Printers print for everybody, and their firmware is old' }
    @{ Name = 'in-0072'; Direction = 'Inbound'; Action = 'Block'; Protocol = 'UDP'; LocalPort = '631'; RemoteAddress = $Set1; DisplayName = 'in 0072 udp 631: outside to self'; Description = 'no-risky-exposure:71; Printers print for everybody, and their firmware is old' }
)

$Task = 'fwadvisor rollback'
$Folder = Join-Path -Path $env:ProgramFiles -ChildPath 'fwadvisor'
$Backup = Join-Path -Path $Folder -ChildPath 'before.wfw'
$Netsh = Join-Path -Path $env:SystemRoot -ChildPath 'System32\netsh.exe'
$Schtasks = Join-Path -Path $env:SystemRoot -ChildPath 'System32\schtasks.exe'
$Profiles = @('Domain', 'Private', 'Public')

function Stop-Rollback {
    $Pending = @(Get-ScheduledTask -TaskName $Task -ErrorAction 'SilentlyContinue')
    if ($Pending.Count -gt 0) { Unregister-ScheduledTask -TaskName $Task -Confirm:$false }
}

function Start-Rollback {
    # The dead man's switch: SYSTEM imports the backup unless -Commit comes first, then forgets the task.
    $Quote = [string] [char] 34
    $Import = New-ScheduledTaskAction -Execute $Netsh -Argument ('advfirewall import ' + $Quote + $Backup + $Quote)
    $Forget = New-ScheduledTaskAction -Execute $Schtasks -Argument ('/Delete /F /TN ' + $Quote + $Task + $Quote)
    $When = New-ScheduledTaskTrigger -Once -At (Get-Date).AddMinutes($RollbackMinutes)
    $Who = New-ScheduledTaskPrincipal -UserId 'SYSTEM' -LogonType 'ServiceAccount' -RunLevel 'Highest'
    $How = New-ScheduledTaskSettingsSet -AllowStartIfOnBatteries -DontStopIfGoingOnBatteries -StartWhenAvailable
    $Switch = @{ TaskName = $Task; Action = @($Import, $Forget); Trigger = $When; Principal = $Who; Settings = $How }
    $null = Register-ScheduledTask @Switch -Force
}

if ($Commit) {
    if ($PSCmdlet.ShouldProcess($Group, 'Keep the loaded rules')) {
        Stop-Rollback
        Write-Output 'Kept: nothing will be undone by itself.'
    }
    return
}

if ($Rollback) {
    if (-not (Test-Path -LiteralPath $Backup)) { throw ('There is no backup to go back to: ' + $Backup) }
    if ($PSCmdlet.ShouldProcess($Backup, 'Restore the whole firewall')) {
        & $Netsh advfirewall import $Backup | Out-Null
        if ($LASTEXITCODE -ne 0) { throw ('netsh could not import ' + $Backup) }
        Stop-Rollback
        Write-Output ('Restored: ' + $Backup)
    }
    return
}

if ($Uninstall) {
    if ($PSCmdlet.ShouldProcess($Group, 'Remove the rules')) {
        Set-NetFirewallProfile -Name $Profiles -DefaultInboundAction 'Block' -DefaultOutboundAction 'Allow'
        $Mine = @(Get-NetFirewallRule -Group $Group -ErrorAction 'SilentlyContinue')
        if ($Mine.Count -gt 0) { Remove-NetFirewallRule -InputObject $Mine }
        Stop-Rollback
        Write-Output 'Removed. Rules that -Exclusive disabled stay so; -Rollback brings them back.'
    }
    return
}

if (-not $PSCmdlet.ShouldProcess($Group, ('Load ' + $Rules.Count + ' rules'))) { return }

# 1. Keep the state to go back to. While a rollback is pending, that is still the backup made before.
$null = New-Item -ItemType 'Directory' -Path $Folder -Force
$Pending = @(Get-ScheduledTask -TaskName $Task -ErrorAction 'SilentlyContinue')
if ($Pending.Count -eq 0 -or -not (Test-Path -LiteralPath $Backup)) {
    if (Test-Path -LiteralPath $Backup) { Remove-Item -LiteralPath $Backup }
    & $Netsh advfirewall export $Backup | Out-Null
    if ($LASTEXITCODE -ne 0) { throw ('netsh could not export to ' + $Backup) }
}

# 2. Create the new generation, disabled. Two names take turns, so that loading the same rules again leaves no gap.
$Old = @(Get-NetFirewallRule -Group $Group -ErrorAction 'SilentlyContinue')
$Prefix = $Generation + 'a-'
if (@($Old | Where-Object { $_.Name -like ($Prefix + '*') }).Count -gt 0) { $Prefix = $Generation + 'b-' }
$Leftover = @($Old | Where-Object { $_.Name -like ($Prefix + '*') })
if ($Leftover.Count -gt 0) { Remove-NetFirewallRule -InputObject $Leftover }
$Old = @($Old | Where-Object { $_.Name -notlike ($Prefix + '*') })
foreach ($Rule in $Rules) {
    $Rule['Name'] = $Prefix + $Rule['Name']
    $null = New-NetFirewallRule @Rule -Group $Group -Profile 'Any' -Enabled 'False'
}
$New = @(Get-NetFirewallRule -Group $Group -ErrorAction 'SilentlyContinue')
$New = @($New | Where-Object { $_.Name -like ($Prefix + '*') })
if ($New.Count -ne $Rules.Count) { throw ('Only ' + $New.Count + ' rules were created; nothing was enabled.') }

# 3. Arm the rollback, then enable the new rules (Block first), remove the old ones, set the defaults.
Start-Rollback
foreach ($Action in @('Block', 'Allow')) {
    $Part = @($New | Where-Object { $_.Action -eq $Action })
    if ($Part.Count -gt 0) { Enable-NetFirewallRule -InputObject $Part }
}
if ($Old.Count -gt 0) { Remove-NetFirewallRule -InputObject $Old }
$Local = @(Get-NetFirewallRule -PolicyStore 'PersistentStore')
$Others = @($Local | Where-Object { $_.Group -ne $Group -and $_.Enabled -eq 'True' })
if ($Exclusive -and $Others.Count -gt 0) { Disable-NetFirewallRule -InputObject $Others }
$Defaults = @{ DefaultInboundAction = $InboundDefault; DefaultOutboundAction = $OutboundDefault }
Set-NetFirewallProfile -Name $Profiles -Enabled 'True' -AllowInboundRules 'True' -LogBlocked $LogBlocked @Defaults
Start-Rollback

# 4. Say what else decides on this machine.
$Foreign = @(Get-NetFirewallRule -PolicyStore 'ActiveStore')
$Foreign = @($Foreign | Where-Object { $_.PolicyStoreSourceType -eq 'GroupPolicy' -and $_.Enabled -eq 'True' })
if (-not $Exclusive) { $Foreign = @($Foreign) + @($Others) }
$Asked = @($Foreign | Where-Object { $_.Direction -eq 'Inbound' -or $OutboundDefault -eq 'Block' })
$Wider = @($Asked | Where-Object { $_.Action -eq 'Allow' })
$Narrower = @($Foreign | Where-Object { $_.Action -eq 'Block' })
if ($Wider.Count -gt 0) {
    Write-Warning ([string] $Wider.Count + ' other enabled Allow rules open more than this policy; see -Exclusive.')
}
if ($Narrower.Count -gt 0) {
    Write-Warning ([string] $Narrower.Count + ' other enabled Block rules close more than this policy.')
}
Write-Output ('Loaded ' + $Rules.Count + ' rules. Keep them with -Commit within ' + $RollbackMinutes + ' minutes.')
