"""What connectors of WhatsApp share, whichever way its updates come and its messages go."""
