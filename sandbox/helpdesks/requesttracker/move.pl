# Moves a ticket to another queue.
#   perl move.pl TICKET QUEUE
use strict;
use warnings;
use lib '/usr/share/request-tracker5/lib';

use RT;

RT::LoadConfig();
RT::Init();

my $ticket = RT::Ticket->new( RT->SystemUser );
$ticket->Load( $ARGV[0] );
my ( $done, $message ) = $ticket->SetQueue( $ARGV[1] );
die "$message\n" unless $done;
