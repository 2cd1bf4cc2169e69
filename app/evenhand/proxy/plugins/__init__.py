"""Evenhand inside other gateways and programs."""
