"""HubSpot, played."""
