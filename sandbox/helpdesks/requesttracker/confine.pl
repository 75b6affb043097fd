# Gives the group Deskwire its rights in the queue General alone, as an administrator may, and makes a queue Billing.
use strict;
use warnings;
use lib '/usr/share/request-tracker5/lib';

use RT;

RT::LoadConfig();
RT::Init();

RT::Queue->new( RT->SystemUser )->Create( Name => 'Billing' );
my $general = RT::Queue->new( RT->SystemUser );
$general->Load('General');
my $deskwire = RT::Group->new( RT->SystemUser );
$deskwire->LoadUserDefinedGroup('Deskwire');
my $staff = RT::Group->new( RT->SystemUser );
$staff->LoadSystemInternalGroup('Privileged');
for my $group ( $deskwire, $staff ) {
    my $rights = $group->PrincipalObj;
    for my $right (
        qw(SeeQueue ShowTicket ShowTicketComments CreateTicket ReplyToTicket CommentOnTicket ModifyTicket OwnTicket
        DeleteTicket SeeCustomField ModifyCustomField)
        )
    {
        next unless $rights->HasRight( Right => $right, Object => RT->System );
        $rights->RevokeRight( Right => $right, Object => RT->System );
        $rights->GrantRight( Right => $right, Object => $general );
    }
}
