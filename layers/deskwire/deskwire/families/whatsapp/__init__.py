"""Shared by the connectors of WhatsApp, whether through Meta or through AWS."""
