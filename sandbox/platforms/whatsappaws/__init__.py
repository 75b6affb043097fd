"""WhatsApp through AWS End User Messaging Social, played by its documentation."""
