"""WhatsApp, played by its documentation."""
