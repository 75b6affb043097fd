"""Verification rules, one per module: each verifies requests, and signs them as the platform would."""
