"""Deskwire: the serverless layer between the channels customers write on and the helpdesk a company has."""

__version__ = "0.1.0"
