#Requires -Version 5.1
#Requires -RunAsAdministrator
# Windows Firewall rules of the policy h323-needed.
# fwadvisor 0.1.0: policy h323-needed for a host
# profile h323-needed (H.323 endpoint): peers=203.0.113.0/24, 2001:db8:323::/48,
# gatekeeper=203.0.113.10, discovery=true, media=auto, preset=generic, tcp_range=3230-3243,
# udp_range=3230-3285, calls=3, streams=4, data=true, tls=false, protected=false
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
# H.323 endpoint or room video system: the ports of H.245 media control (negotiated) and RTP and RTCP
# media (negotiated) are agreed at run time, so no static rule knows them. They are pinned to TCP
# 3230-3243 and UDP 3230-3285 towards peers (203.0.113.0/24, 2001:db8:323::/48) (TCP 3 ports (call
# signalling's own, H.245, T.120) x 3 calls = 9, doubled 18; TCP 3230-3243 of the profile has 14; UDP
# 2 ports (RTP, RTCP) x 4 streams (audio, video, far-end camera, content) x 3 calls = 24, doubled 48;
# UDP 3230-3285 of the profile has 56; endpoints go round in their range, hence the double; an MCU
# counts participants as calls).
#
# H.323 endpoint or room video system: 56 UDP ports and 14 TCP ports stay open at all times towards
# peers (203.0.113.0/24, 2001:db8:323::/48).
#
# h323-endpoint: the answer to a question that went to a group is a new connection to a firewall, so
# gatekeeper (203.0.113.10) may send udp from port 1718-1719 to 1719, asked or not. What asks from
# another port than 1719 hears no answer.
#
# No need opens remote administration (SSH, Remote Desktop, WinRM). Loaded over the network, this
# ruleset keeps your present connection at best and refuses the next one: add profile remote-admin, or
# load it at the console.
#
# The device or program itself must keep to TCP 3230-3243 and UDP 3230-3285, and its peers too where
# the default of output or forward closes, or what they negotiate stays blocked. A range of our own
# choice, sized by the number of calls, setting on the device: the fixed port range of the endpoint,
# wherever its menu has it. This project's own default, in the place where most room systems begin;
# set the same range on the device. Source: this project's own choice. Where it is set, as far as
# known: most endpoints and gateways can be limited to a fixed TCP range; NetMeeting cannot; Asterisk:
# rtpstart/rtpend in rtp.conf (sample file 10000-20000); FreeSWITCH: rtp-start-port/rtp-end-port
# (16384-32768).
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
$Generation = 'fwa-h323-needed-5e24e0951a-'
$InboundDefault = 'Block'
$OutboundDefault = 'Allow'
$LogBlocked = 'False'

# Rules of the policy that need none here:
# out-0005 accept path MTU errors (baseline): the default does the same
# out-0006 accept IPv6 errors that hosts rely on (baseline): the default does the same
# out-0007 accept IPv6 neighbour discovery (baseline): the default does the same
# out-0008 accept IPv6 multicast listener discovery (baseline): the default does the same
# out-0009 accept DHCP requests (baseline): the default does the same
# out-0010 accept DHCPv6 requests (baseline): the default does the same
# out-0011 accept h323-endpoint gk-register: self to gatekeeper (h323-needed:117): the default does the same
# out-0012 accept h323-endpoint call-setup: self to peers (h323-needed:117): the default does the same
# out-0013 accept h323-endpoint call-control (pinned): self to peers (h323-needed:117): the default does the same
# out-0014 accept h323-endpoint media-out (pinned): self to peers (h323-needed:117): the default does the same
# out-0015 accept h323-endpoint gk-discovery: self to gatekeeper (h323-needed:160): the default does the same
# out-0016 accept h323-endpoint gk-discovery question: self to multicast group (h323-needed:160): the default does the same
# out-0017 accept h323-endpoint data: self to peers (h323-needed:166): the default does the same

# Order means nothing to Windows and Block overrides Allow: the policy's first-match order is compiled in.
$Rules = @(
    @{ Name = 'in-0005'; Direction = 'Inbound'; Action = 'Allow'; Protocol = 'ICMPv4'; IcmpType = '3:4'; DisplayName = 'in 0005 path MTU errors'; Description = 'baseline' }
    @{ Name = 'in-0006'; Direction = 'Inbound'; Action = 'Allow'; Protocol = 'ICMPv6'; IcmpType = '1', '2', '3', '4'; DisplayName = 'in 0006 IPv6 errors that hosts rely on'; Description = 'baseline' }
    @{ Name = 'in-0008'; Direction = 'Inbound'; Action = 'Allow'; Protocol = 'ICMPv6'; IcmpType = '133', '134', '135', '136'; DisplayName = 'in 0008 IPv6 neighbour discovery'; Description = 'baseline' }
    @{ Name = 'in-0009'; Direction = 'Inbound'; Action = 'Allow'; Protocol = 'ICMPv6'; IcmpType = '130', '131', '132', '143'; RemoteAddress = '::', 'fe80::/10'; DisplayName = 'in 0009 IPv6 multicast listener discovery'; Description = 'baseline' }
    @{ Name = 'in-0010'; Direction = 'Inbound'; Action = 'Allow'; Protocol = 'UDP'; LocalPort = '68'; RemotePort = '67'; RemoteAddress = '0.0.0.0/1', '128.0.0.0/1'; DisplayName = 'in 0010 DHCP answers'; Description = 'baseline' }
    @{ Name = 'in-0011'; Direction = 'Inbound'; Action = 'Allow'; Protocol = 'UDP'; LocalPort = '546'; RemotePort = '547'; RemoteAddress = 'fe80::/10'; DisplayName = 'in 0011 DHCPv6 answers'; Description = 'baseline' }
    @{ Name = 'in-0012'; Direction = 'Inbound'; Action = 'Allow'; Protocol = 'UDP'; LocalPort = '1719'; RemoteAddress = '203.0.113.10'; DisplayName = 'in 0012 h323-endpoint gk-request: gatekeeper to self'; Description = 'h323-needed:117; Video calls with the peers' }
    @{ Name = 'in-0013'; Direction = 'Inbound'; Action = 'Allow'; Protocol = 'TCP'; LocalPort = '1720'; RemoteAddress = '203.0.113.0/24', '2001:db8:323::/48'; DisplayName = 'in 0013 h323-endpoint call-setup: peers to self'; Description = 'h323-needed:117; Video calls with the peers' }
    @{ Name = 'in-0014'; Direction = 'Inbound'; Action = 'Allow'; Protocol = 'TCP'; LocalPort = '3230-3243'; RemoteAddress = '203.0.113.0/24', '2001:db8:323::/48'; DisplayName = 'in 0014 h323-endpoint call-control (pinned): peers to self'; Description = 'h323-needed:117; Video calls with the peers' }
    @{ Name = 'in-0015'; Direction = 'Inbound'; Action = 'Allow'; Protocol = 'UDP'; LocalPort = '3230-3285'; RemoteAddress = '203.0.113.0/24', '2001:db8:323::/48'; DisplayName = 'in 0015 h323-endpoint media-out (pinned): peers to self'; Description = 'h323-needed:117; Video calls with the peers' }
    @{ Name = 'in-0016'; Direction = 'Inbound'; Action = 'Allow'; Protocol = 'UDP'; LocalPort = '1719'; RemotePort = '1718-1719'; RemoteAddress = '203.0.113.10'; DisplayName = 'in 0016 h323-endpoint gk-discovery answer: gatekeeper to self'; Description = 'h323-needed:160' }
    @{ Name = 'in-0017'; Direction = 'Inbound'; Action = 'Allow'; Protocol = 'TCP'; LocalPort = '1503'; RemoteAddress = '203.0.113.0/24', '2001:db8:323::/48'; DisplayName = 'in 0017 h323-endpoint data: peers to self'; Description = 'h323-needed:166' }
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
