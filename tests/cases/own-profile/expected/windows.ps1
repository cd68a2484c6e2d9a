#Requires -Version 5.1
#Requires -RunAsAdministrator
# Windows Firewall rules of the policy shop.
# fwadvisor 0.1.0: policy shop for a host
# profile shop (Web shop): office=198.51.100.0/26
#   owner: shop team
#   ticket: NET-1
#   reason: Sells things
# profile server-baseline (Server baseline): resolvers=any, time_servers=any, mirrors=any,
# plain_updates=true, also_to=any, ping_from=any, log_dropped=true
# profile no-legacy-conferencing (No legacy conferencing): verdict=drop, log=false
# profile no-netmeeting (No NetMeeting): verdict=drop, log=false
# profile remote-admin (Remote administration): admins=198.51.100.0/26, ssh=true, ssh_port=22,
# rdp=false, winrm=false, ping=true
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
# T.120 data conferencing is closed by port; effect good: one fixed port.
#
# Windows Live Messenger (MSN Messenger) is closed by port; effect poor while the service lived:
# sign-in also used 80 and 443; complete now that it is gone. Mind: assistance shares RDP's port,
# phone shares sips.
#
# Internet Locator Service server is closed by port; effect good; tcp 389 (ldap) only towards the
# internet.
#
# Microsoft NetMeeting is closed by port; effect good: the listeners are fixed; tcp 389
# (directory-ils) only towards the internet. Mind: directory-ils shares TCP 389 with LDAP; close it at
# the internet edge, not between clients and domain controllers.
#
# tcp 5432 (office -> self) stays open because "Migration of the old shop" is needed there, although
# "Development servers stay inside" is forbidden and uses the same numbers. A port cannot tell the two
# apart; everywhere else it stays closed.
#
# Windows Firewall: single rules cannot log; use the profile's log of dropped packets.
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
$Generation = 'fwa-shop-908036d793-'
$InboundDefault = 'Block'
$OutboundDefault = 'Block'
$LogBlocked = 'True'

# Rules of the policy that need none here:
# in-0019 drop tcp 5000-6000: any to self (shop:37): the default does the same
# in-0020 drop t120-conference mcs: any to self (no-legacy-conferencing:26): the default does the same
# in-0021 drop windows-live-messenger sign-in: any to self (no-legacy-conferencing:34): the default does the same
# in-0022 drop windows-live-messenger detect-tcp: any to self (no-legacy-conferencing:34): the default does the same
# in-0023 drop windows-live-messenger detect-udp: any to self (no-legacy-conferencing:34): the default does the same
# in-0024 drop windows-live-messenger file-legacy: any to self (no-legacy-conferencing:34): the default does the same
# in-0025 drop windows-live-messenger voice-legacy-tcp: any to self (no-legacy-conferencing:34): the default does the same
# in-0026 drop windows-live-messenger voice-legacy-udp: any to self (no-legacy-conferencing:34): the default does the same
# in-0027 drop ils-server ldap: internet to self (no-legacy-conferencing:41): the default does the same
# in-0028 drop ils-server ldap-2000: any to self (no-legacy-conferencing:41): the default does the same
# in-0029 drop ils-server uls: any to self (no-legacy-conferencing:41): the default does the same
# in-0030 drop netmeeting call-setup: any to self (no-netmeeting:26): the default does the same
# in-0031 drop netmeeting audio-control: any to self (no-netmeeting:26): the default does the same
# out-0019 drop t120-conference mcs: self to any (no-legacy-conferencing:26): the default does the same
# out-0020 drop windows-live-messenger sign-in: self to any (no-legacy-conferencing:34): the default does the same
# out-0021 drop windows-live-messenger detect-tcp: self to any (no-legacy-conferencing:34): the default does the same
# out-0022 drop windows-live-messenger detect-udp: self to any (no-legacy-conferencing:34): the default does the same
# out-0023 drop windows-live-messenger file-legacy: self to any (no-legacy-conferencing:34): the default does the same
# out-0024 drop windows-live-messenger voice-legacy-tcp: self to any (no-legacy-conferencing:34): the default does the same
# out-0025 drop windows-live-messenger voice-legacy-udp: self to any (no-legacy-conferencing:34): the default does the same
# out-0026 drop ils-server ldap: self to internet (no-legacy-conferencing:41): the default does the same
# out-0027 drop ils-server ldap-2000: self to any (no-legacy-conferencing:41): the default does the same
# out-0028 drop ils-server uls: self to any (no-legacy-conferencing:41): the default does the same
# out-0029 drop netmeeting call-setup: self to any (no-netmeeting:26): the default does the same
# out-0030 drop netmeeting audio-control: self to any (no-netmeeting:26): the default does the same

# Order means nothing to Windows and Block overrides Allow: the policy's first-match order is compiled in.
$Rules = @(
    @{ Name = 'in-0005'; Direction = 'Inbound'; Action = 'Allow'; Protocol = 'ICMPv4'; IcmpType = '3:4'; DisplayName = 'in 0005 path MTU errors'; Description = 'baseline' }
    @{ Name = 'in-0006'; Direction = 'Inbound'; Action = 'Allow'; Protocol = 'ICMPv6'; IcmpType = '1', '2', '3', '4'; DisplayName = 'in 0006 IPv6 errors that hosts rely on'; Description = 'baseline' }
    @{ Name = 'in-0008'; Direction = 'Inbound'; Action = 'Allow'; Protocol = 'ICMPv6'; IcmpType = '133', '134', '135', '136'; DisplayName = 'in 0008 IPv6 neighbour discovery'; Description = 'baseline' }
    @{ Name = 'in-0009'; Direction = 'Inbound'; Action = 'Allow'; Protocol = 'ICMPv6'; IcmpType = '130', '131', '132', '143'; RemoteAddress = '::', 'fe80::/10'; DisplayName = 'in 0009 IPv6 multicast listener discovery'; Description = 'baseline' }
    @{ Name = 'in-0010'; Direction = 'Inbound'; Action = 'Allow'; Protocol = 'UDP'; LocalPort = '68'; RemotePort = '67'; RemoteAddress = '0.0.0.0/1', '128.0.0.0/1'; DisplayName = 'in 0010 DHCP answers'; Description = 'baseline' }
    @{ Name = 'in-0011'; Direction = 'Inbound'; Action = 'Allow'; Protocol = 'UDP'; LocalPort = '546'; RemotePort = '547'; RemoteAddress = 'fe80::/10'; DisplayName = 'in 0011 DHCPv6 answers'; Description = 'baseline' }
    @{ Name = 'in-0012'; Direction = 'Inbound'; Action = 'Allow'; Protocol = 'TCP'; LocalPort = '5432'; RemoteAddress = '198.51.100.0/26'; DisplayName = 'in 0012 tcp 5432: office to self'; Description = 'shop:27; Until the old shop is switched off; NET-9' }
    @{ Name = 'in-0013'; Direction = 'Inbound'; Action = 'Allow'; Protocol = 'TCP'; LocalPort = '443'; LocalAddress = '192.0.2.80'; DisplayName = 'in 0013 web-server tls: any to shop-vip'; Description = 'shop:19; Sells things; NET-1' }
    @{ Name = 'in-0014'; Direction = 'Inbound'; Action = 'Allow'; Protocol = 'TCP'; LocalPort = '80'; LocalAddress = '192.0.2.80'; DisplayName = 'in 0014 web-server plain: any to shop-vip'; Description = 'shop:19; Sells things; NET-1' }
    @{ Name = 'in-0015'; Direction = 'Inbound'; Action = 'Allow'; Protocol = 'ICMPv4'; IcmpType = '8'; DisplayName = 'in 0015 ping: ping-from to self'; Description = 'server-baseline:106' }
    @{ Name = 'in-0016'; Direction = 'Inbound'; Action = 'Allow'; Protocol = 'ICMPv6'; IcmpType = '128'; DisplayName = 'in 0016 ping: ping-from to self'; Description = 'server-baseline:106' }
    @{ Name = 'in-0017'; Direction = 'Inbound'; Action = 'Allow'; Protocol = 'TCP'; LocalPort = '22'; RemoteAddress = '198.51.100.0/26'; DisplayName = 'in 0017 tcp 22: admins to self'; Description = 'remote-admin:40; Administration' }
    @{ Name = 'in-0018'; Direction = 'Inbound'; Action = 'Allow'; Protocol = 'ICMPv4'; IcmpType = '8'; RemoteAddress = '198.51.100.0/26'; DisplayName = 'in 0018 ping: admins to self'; Description = 'remote-admin:57' }
    @{ Name = 'out-0005'; Direction = 'Outbound'; Action = 'Allow'; Protocol = 'ICMPv4'; IcmpType = '3:4'; DisplayName = 'out 0005 path MTU errors'; Description = 'baseline' }
    @{ Name = 'out-0006'; Direction = 'Outbound'; Action = 'Allow'; Protocol = 'ICMPv6'; IcmpType = '1', '2', '3', '4'; DisplayName = 'out 0006 IPv6 errors that hosts rely on'; Description = 'baseline' }
    @{ Name = 'out-0007'; Direction = 'Outbound'; Action = 'Allow'; Protocol = 'ICMPv6'; IcmpType = '133', '134', '135', '136'; DisplayName = 'out 0007 IPv6 neighbour discovery'; Description = 'baseline' }
    @{ Name = 'out-0008'; Direction = 'Outbound'; Action = 'Allow'; Protocol = 'ICMPv6'; IcmpType = '130', '131', '132', '143'; LocalAddress = '::', 'fe80::/10'; DisplayName = 'out 0008 IPv6 multicast listener discovery'; Description = 'baseline' }
    @{ Name = 'out-0009'; Direction = 'Outbound'; Action = 'Allow'; Protocol = 'UDP'; LocalPort = '68'; RemotePort = '67'; RemoteAddress = '0.0.0.0/1', '128.0.0.0/1'; DisplayName = 'out 0009 DHCP requests'; Description = 'baseline' }
    @{ Name = 'out-0010'; Direction = 'Outbound'; Action = 'Allow'; Protocol = 'UDP'; LocalPort = '546'; RemotePort = '547'; LocalAddress = 'fe80::/10'; DisplayName = 'out 0010 DHCPv6 requests'; Description = 'baseline' }
    @{ Name = 'out-0011'; Direction = 'Outbound'; Action = 'Allow'; Protocol = 'TCP'; RemotePort = '443'; LocalAddress = '192.0.2.80'; RemoteAddress = '203.0.113.200'; DisplayName = 'out 0011 tcp 443: shop-vip to payment'; Description = 'shop:22; Sells things; NET-7' }
    @{ Name = 'out-0012'; Direction = 'Outbound'; Action = 'Allow'; Protocol = 'UDP'; RemotePort = '53'; DisplayName = 'out 0012 dns-client query-u: self to resolvers'; Description = 'server-baseline:75' }
    @{ Name = 'out-0013'; Direction = 'Outbound'; Action = 'Allow'; Protocol = 'TCP'; RemotePort = '53'; DisplayName = 'out 0013 dns-client query-t: self to resolvers'; Description = 'server-baseline:75' }
    @{ Name = 'out-0014'; Direction = 'Outbound'; Action = 'Allow'; Protocol = 'UDP'; RemotePort = '123'; DisplayName = 'out 0014 ntp-client time: self to time-servers'; Description = 'server-baseline:79' }
    @{ Name = 'out-0015'; Direction = 'Outbound'; Action = 'Allow'; Protocol = 'TCP'; RemotePort = '443'; DisplayName = 'out 0015 update-client tls: self to mirrors'; Description = 'server-baseline:82' }
    @{ Name = 'out-0016'; Direction = 'Outbound'; Action = 'Allow'; Protocol = 'TCP'; RemotePort = '80'; DisplayName = 'out 0016 update-client plain: self to mirrors'; Description = 'server-baseline:86' }
    @{ Name = 'out-0017'; Direction = 'Outbound'; Action = 'Allow'; Protocol = 'ICMPv4'; IcmpType = '8'; DisplayName = 'out 0017 ping: self to any'; Description = 'server-baseline:110' }
    @{ Name = 'out-0018'; Direction = 'Outbound'; Action = 'Allow'; Protocol = 'ICMPv6'; IcmpType = '128'; DisplayName = 'out 0018 ping: self to any'; Description = 'server-baseline:110' }
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
