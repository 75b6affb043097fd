"""Verification rules, one a module: each can tell a genuine request, and sign one as the platform would."""
