"""Salesforce, played."""
