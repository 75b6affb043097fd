# Fills a fresh database as an administrator would: loads the initialdata that Deskwire ships, creates an
# agent, gives customers and staff the usual rights, and prints the tokens as JSON.
#   perl bootstrap.pl INITIALDATA
use strict;
use warnings;
use lib '/usr/share/request-tracker5/lib';

use JSON ();
use RT;

RT::LoadConfig();
RT::Init();

sub done {
    my ( $what, $ok, $message ) = @_;
    die "$what: $message\n" unless $ok;
    return;
}

done( 'initialdata', RT->DatabaseHandle->InsertData( $ARGV[0], undef, disconnect_after => 0 ) );

my $agent = RT::User->new( RT->SystemUser );
done(
    'agent',
    $agent->Create(
        Name         => 'agent',
        RealName     => 'Agnes Agent',
        EmailAddress => 'agnes@sandbox.example',
        Password     => 'sandbox-only',
        Privileged   => 1,
        Lang         => 'en',
    )
);

sub grant {
    my ( $group, @rights ) = @_;
    for my $right (@rights) {
        done( "$right", $group->PrincipalObj->GrantRight( Right => $right, Object => RT->System ) );
    }
    return;
}

my $staff = RT::Group->new( RT->SystemUser );
$staff->LoadSystemInternalGroup('Privileged');
grant(
    $staff, qw(SeeQueue ShowTicket ShowTicketComments CreateTicket ReplyToTicket CommentOnTicket
        ModifyTicket OwnTicket SeeCustomField)
);
my $requestors = RT::Group->new( RT->SystemUser );
$requestors->LoadRoleGroup( Object => RT->System, Name => 'Requestor' );
grant( $requestors, qw(ReplyToTicket) );

# An agent who uses RT in Icelandic or German must not change what the connector reads.
my %facts = ( version => $RT::VERSION );
for my $name ( 'deskwire', 'agent' ) {
    my $user = RT::User->new( RT->SystemUser );
    $user->Load($name);
    die "initialdata made no user $name\n" unless $user->Id;
    my $token = RT::AuthToken->new( RT->SystemUser );
    my ( $id, $message, $text ) = $token->Create( Owner => $user->Id, Description => 'sandbox' );
    done( "token of $name", $id, $message );
    $facts{$name} = { id => '' . $user->Id, token => $text };
}
print JSON->new->canonical->encode( \%facts ), "\n";
