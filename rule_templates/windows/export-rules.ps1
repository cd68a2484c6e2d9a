#Requires -Version 5.1
# Exports the rules that Windows Firewall applies, with everything that decides: their filters and the profiles.
#
#   powershell -ExecutionPolicy Bypass -File export-rules.ps1 > rules.json
#   powershell -ExecutionPolicy Bypass -File export-rules.ps1 -Path rules.json
#
# Only reads, and changes nothing. The active store holds local rules and those of Group Policy together. What comes out
# is ASCII, and the same in every language of Windows: enumerations by their names, texts that are not ASCII escaped.
[CmdletBinding()]
param(
    # The file to write; without it the text goes to the output.
    [string] $Path
)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'
$Store = 'ActiveStore'

# The filters of one kind by the rule that they belong to. Rules of several stores may share an id; for those the
# filter is asked for rule by rule, which is slow and certain.
function Get-Filter {
    param([Parameter(Mandatory)] [string] $Command, [Parameter(Mandatory)] [hashtable] $Shared)
    $Found = @{}
    foreach ($Filter in @(& $Command -PolicyStore $Store)) {
        if (-not $Shared.ContainsKey($Filter.InstanceID)) { $Found[$Filter.InstanceID] = $Filter }
    }
    return $Found
}

function Select-Filter {
    param(
        [Parameter(Mandatory)] [string] $Command,
        [Parameter(Mandatory)] [hashtable] $Known,
        [Parameter(Mandatory)] [object] $Rule
    )
    if ($Known.ContainsKey($Rule.InstanceID)) { return $Known[$Rule.InstanceID] }
    return (& $Command -AssociatedNetFirewallRule $Rule)
}

# One property under any of its names: they differ between versions of Windows. One that is missing is an error,
# because a rule would say more than it means without it.
function Get-Value {
    param(
        [Parameter(Mandatory)] [object] $Source,
        [Parameter(Mandatory)] [string[]] $Name,
        [switch] $Optional
    )
    foreach ($Each in $Name) {
        $Property = $Source.PSObject.Properties[$Each]
        if ($null -ne $Property) { return $Property.Value }
    }
    if (-not $Optional) { throw ('This version of Windows has no property ' + ($Name -join ' or ')) }
    return $null
}

function Get-Text {
    param([Parameter(Mandatory)] [object] $Source, [Parameter(Mandatory)] [string[]] $Name, [switch] $Optional)
    return [string] (Get-Value -Source $Source -Name $Name -Optional:$Optional)
}

function Get-List {
    param([Parameter(Mandatory)] [object] $Source, [Parameter(Mandatory)] [string[]] $Name, [switch] $Optional)
    [string[]] $Texts = @(Get-Value -Source $Source -Name $Name -Optional:$Optional | Where-Object { $null -ne $_ })
    return , $Texts
}

$Rules = @(Get-NetFirewallRule -PolicyStore $Store)
$Seen = @{}
$Shared = @{}
foreach ($Rule in $Rules) {
    if ($Seen.ContainsKey($Rule.InstanceID)) { $Shared[$Rule.InstanceID] = $true }
    $Seen[$Rule.InstanceID] = $true
}
$Commands = @{
    Port          = 'Get-NetFirewallPortFilter'
    Address       = 'Get-NetFirewallAddressFilter'
    Application   = 'Get-NetFirewallApplicationFilter'
    Service       = 'Get-NetFirewallServiceFilter'
    Interface     = 'Get-NetFirewallInterfaceFilter'
    InterfaceType = 'Get-NetFirewallInterfaceTypeFilter'
    Security      = 'Get-NetFirewallSecurityFilter'
}
$Filters = @{}
foreach ($Kind in $Commands.Keys) { $Filters[$Kind] = Get-Filter -Command $Commands[$Kind] -Shared $Shared }

$Rows = foreach ($Rule in $Rules) {
    $Of = @{}
    foreach ($Kind in $Commands.Keys) {
        $Of[$Kind] = Select-Filter -Command $Commands[$Kind] -Known $Filters[$Kind] -Rule $Rule
    }
    [ordered] @{
        Name                          = [string] $Rule.InstanceID
        DisplayName                   = [string] $Rule.DisplayName
        Description                   = [string] $Rule.Description
        Group                         = Get-Text -Source $Rule -Name 'Group', 'RuleGroup'
        Enabled                       = [string] $Rule.Enabled
        Direction                     = [string] $Rule.Direction
        Action                        = [string] $Rule.Action
        Profile                       = Get-Text -Source $Rule -Name 'Profile', 'Profiles'
        Platform                      = Get-List -Source $Rule -Name 'Platform', 'Platforms'
        EdgeTraversalPolicy           = [string] $Rule.EdgeTraversalPolicy
        Owner                         = [string] $Rule.Owner
        Protocol                      = [string] $Of.Port.Protocol
        LocalPort                     = Get-List -Source $Of.Port -Name 'LocalPort'
        RemotePort                    = Get-List -Source $Of.Port -Name 'RemotePort'
        IcmpType                      = Get-List -Source $Of.Port -Name 'IcmpType'
        DynamicTarget                 = Get-Text -Source $Of.Port -Name 'DynamicTarget', 'DynamicTransport'
        LocalAddress                  = Get-List -Source $Of.Address -Name 'LocalAddress', 'LocalIP'
        RemoteAddress                 = Get-List -Source $Of.Address -Name 'RemoteAddress', 'RemoteIP'
        RemoteDynamicKeywordAddresses = Get-List -Source $Rule -Name 'RemoteDynamicKeywordAddresses' -Optional
        PolicyAppId                   = Get-Text -Source $Rule -Name 'PolicyAppId' -Optional
        Program                       = Get-Text -Source $Of.Application -Name 'Program', 'AppPath'
        Package                       = Get-Text -Source $Of.Application -Name 'Package'
        Service                       = Get-Text -Source $Of.Service -Name 'Service', 'ServiceName'
        InterfaceAlias                = Get-List -Source $Of.Interface -Name 'InterfaceAlias'
        InterfaceType                 = Get-Text -Source $Of.InterfaceType -Name 'InterfaceType'
        LocalUser                     = Get-Text -Source $Of.Security -Name 'LocalUser', 'LocalUsers'
        RemoteUser                    = Get-Text -Source $Of.Security -Name 'RemoteUser', 'RemoteUsers'
        RemoteMachine                 = Get-Text -Source $Of.Security -Name 'RemoteMachine', 'RemoteMachines'
        Authentication                = [string] $Of.Security.Authentication
        Encryption                    = [string] $Of.Security.Encryption
        OverrideBlockRules            = [string] $Of.Security.OverrideBlockRules
    }
}

$Profiles = foreach ($One in @(Get-NetFirewallProfile -PolicyStore $Store)) {
    [ordered] @{
        Name                  = [string] $One.Name
        Enabled               = [string] $One.Enabled
        DefaultInboundAction  = [string] $One.DefaultInboundAction
        DefaultOutboundAction = [string] $One.DefaultOutboundAction
        # False is "shields up": no rule lets anything in.
        AllowInboundRules     = [string] $One.AllowInboundRules
    }
}

$Export = [ordered] @{
    Format   = 'fwadvisor-windows-export'
    Version  = 1
    Store    = $Store
    Profiles = @($Profiles)
    Rules    = @($Rows)
}
$Json = ConvertTo-Json -InputObject $Export -Depth 5
$Ascii = [regex]::Replace($Json, '[^\x00-\x7f]', { '\u{0:x4}' -f [int] [char] $args[0].Value })
if ($Path) {
    Set-Content -LiteralPath $Path -Value $Ascii -Encoding 'ASCII'
}
else {
    Write-Output $Ascii
}
