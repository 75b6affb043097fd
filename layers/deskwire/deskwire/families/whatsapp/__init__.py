"""What connectors of WhatsApp share, by whichever way its updates come: reading them, writing messages, its errors."""
