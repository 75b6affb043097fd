# The whole configuration of a private Request Tracker; sandbox/helpdesks/requesttracker/played.py names this
# file in RT_SITE_CONFIG and hands the rest over in the environment.
# No `use strict`: RT's options are globals that Set makes.

my $home = $ENV{SANDBOX_RT_HOME};
my $port = $ENV{SANDBOX_RT_PORT};

Set( $rtname,           'sandbox.example' );
Set( $Organization,     'sandbox.example' );
Set( $WebDomain,        '127.0.0.1' );
Set( $WebPort,          $port );
Set( $WebPath,          '' );
Set( $WebBaseURL,       "http://127.0.0.1:$port" );
Set( $DatabaseType,     'SQLite' );
Set( $DatabaseName,     "$home/rt.sqlite" );
Set( $DatabaseUser,     '' );
Set( $DatabasePassword, '' );
Set( $Timezone,         'UTC' );
Set( $MailCommand,      'mbox' );       # $VarPath/*.mbox: no mail leaves
Set( $LogToSyslog,      undef );
Set( $LogToFile,        undef );
Set( $LogToSTDERR,      'warning' );
Set( $BcryptCost,       4 );             # each request checks a token, and 12 costs a quarter of a second

# Where larger attachments are dropped, as administrators may choose.
if ( $ENV{SANDBOX_RT_LARGEST} ) {
    Set( $MaxAttachmentSize,   $ENV{SANDBOX_RT_LARGEST} );
    Set( $DropLongAttachments, 1 );
}

Set( $DeskwireUser,           'deskwire' );
Set( $DeskwireWebhookAddress, $ENV{SANDBOX_RT_WEBHOOK} );
Set( $DeskwireWebhookSecret,  $ENV{SANDBOX_RT_SECRET} );

# Not options but places that the package compiled in; they belong to the system's RT.
{
    no warnings 'once';
    $RT::VarPath         = "$home/var";
    $RT::MasonDataDir    = "$home/mason";
    $RT::MasonSessionDir = "$home/sessions";
}

1;
