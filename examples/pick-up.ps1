# The same as pick-up.sh, for Windows: fetches the next access key from Secrets Manager with the present key, tries it, and
# replaces the present key in the credentials file. It needs the AWS CLI and PowerShell 5.1 or newer.
#
#   powershell -NoProfile -File pick-up.ps1 SECRET [SECTION]           for the Task Scheduler
#   powershell -NoProfile -File pick-up.ps1 SECRET [SECTION] -Print    for credential_process: also prints the key. If the next
#                                                                      key cannot be fetched, it prints the present key
#
# SECRET is the name of the secret, such as access-key-rotation/alice. SECTION is the section of the credentials file with
# the key; without it, `default`. Run the script as the owner of the file.
param(
    [Parameter(Mandatory = $true, Position = 0)][string]$Secret,
    [Parameter(Position = 1)][string]$Section = 'default',
    [switch]$Print
)
$ErrorActionPreference = 'Stop'
Set-StrictMode -Version 2

function Write-Note([string]$Text) { [Console]::Error.WriteLine("pick-up: $Text") }

# Runs the AWS CLI. Returns nothing if it fails; its own message is on standard error.
function Invoke-Aws {
    $output = & aws @args
    if ($LASTEXITCODE -ne 0) { return $null }
    return ($output -join "`n").Trim()
}

# Prints a key with an expiration, so that the program asks again. The end of a key is not known.
function Show-Key([string]$Id, [string]$Key, [int]$Seconds) {
    $at = [DateTime]::UtcNow.AddSeconds($Seconds).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", [Globalization.CultureInfo]::InvariantCulture)
    $document = [ordered]@{ Version = 1; AccessKeyId = $Id; SecretAccessKey = $Key; Expiration = $at }
    [Console]::Out.WriteLine(($document | ConvertTo-Json -Compress))
}

# The arguments would show the key to every user of the machine, so it is in the environment.
function Get-OwnerOfKey([string]$Id, [string]$Key) {
    $env:AWS_ACCESS_KEY_ID = $Id
    $env:AWS_SECRET_ACCESS_KEY = $Key
    try { return Invoke-Aws sts get-caller-identity --query Arn --output text }
    finally { $env:AWS_ACCESS_KEY_ID = $null; $env:AWS_SECRET_ACCESS_KEY = $null }
}

# Fetches the key and installs it. Returns nothing if it did, or why the present key stays.
function Update-Key {
    if (-not $env:AWS_REGION) { return 'no AWS Region is set; set AWS_REGION, or region in ~/.aws/config' }
    $value = Invoke-Aws secretsmanager get-secret-value --profile $Section --secret-id $Secret --query SecretString --output text
    if (-not $value) { return "the key $present does not open $Secret; if its overlap is over, ask an administrator" }
    try {
        $document = $value | ConvertFrom-Json
        $id, $key = [string]$document.AccessKeyId, [string]$document.SecretAccessKey
    } catch { return "$Secret contains no access key yet" }
    if (-not $id -or -not $key) { return "$Secret contains no access key yet" }
    if ($id -cne $present) {
        $next = Get-OwnerOfKey $id $key
        if (-not $next) { return "AWS does not accept the key $id" }
        $now = Invoke-Aws sts get-caller-identity --query Arn --output text --profile $Section
        if ($next -cne $now) { return "the key $id belongs to another user: $next" }

        $ours = $false
        $lines = foreach ($line in [IO.File]::ReadAllLines($file)) {
            if ($line -match '^\s*\[\s*(.*?)\s*\]') {
                $ours = $Matches[1] -ceq $Section
                $line
                if ($ours) { "aws_access_key_id = $id"; "aws_secret_access_key = $key" }
            } elseif (-not ($ours -and $line -match '^\s*aws_(access_key_id|secret_access_key|session_token)\s*=')) {
                $line
            }
        }
        # Windows replaces a file in one step, and keeps its permissions.
        [IO.File]::WriteAllLines($new, [string[]]$lines, (New-Object Text.UTF8Encoding $false))
        [IO.File]::Replace($new, $file, [NullString]::Value)
        Write-Note "[$Section] has the key $id now, instead of $present"
    }
    if ($Print) { Show-Key $id $key 3600 }
    return $null
}

$file = $env:AWS_SHARED_CREDENTIALS_FILE
if (-not $file) { $file = Join-Path $HOME '.aws\credentials' }
if (-not (Test-Path -LiteralPath $file)) { Write-Note "there is no credentials file $file"; exit 2 }
$file = (Resolve-Path -LiteralPath $file).ProviderPath
$new = "$file.$PID.new"

# In an interactive session, the variables are the session's. They get their values back at the end.
$names = 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_PROFILE', 'AWS_REGION', 'AWS_DEFAULT_REGION'
$before = @{}
foreach ($name in $names) { $before[$name] = [Environment]::GetEnvironmentVariable($name) }
$lock = $null
$code = 0
try {
    # One run at a time. Windows releases the lock at the end of the process, however it ends.
    for ($tries = 0; -not $lock; $tries++) {
        try { $lock = [IO.File]::Open("$file.lock", 'OpenOrCreate', 'ReadWrite', 'None') }
        catch [IO.IOException] {
            if ($tries -ge 60) { throw "another run has held $file.lock for a minute" }
            Start-Sleep -Seconds 1
        }
    }
    foreach ($name in $names[0..3]) { [Environment]::SetEnvironmentVariable($name, $null) }
    if (-not $env:AWS_REGION) { $env:AWS_REGION = $env:AWS_DEFAULT_REGION }
    if (-not $env:AWS_REGION) { $env:AWS_REGION = Invoke-Aws configure get region --profile $Section }
    $env:AWS_DEFAULT_REGION = $env:AWS_REGION

    $present = Invoke-Aws configure get aws_access_key_id --profile $Section
    if (-not $present) {
        Write-Note "$file has no key in [$Section]"
        $code = 2
    } else {
        $why = Update-Key
        if ($why -and $Print -and (Invoke-Aws sts get-caller-identity --query Arn --output text --profile $Section)) {
            Write-Note "$why; $present works, so it stays"
            Show-Key $present (Invoke-Aws configure get aws_secret_access_key --profile $Section) 900
        } elseif ($why) {
            Write-Note $why
            $code = 1
        }
    }
} catch {
    Write-Note $_.Exception.Message
    $code = 1
} finally {
    # Ctrl-C runs this too.
    if (Test-Path -LiteralPath $new) { Remove-Item -LiteralPath $new -Force }
    if ($lock) { $lock.Dispose() }
    foreach ($name in $names) { [Environment]::SetEnvironmentVariable($name, $before[$name]) }
}
exit $code
