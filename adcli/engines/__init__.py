"""Engines: what runs functions of the IR, watches, counts and records their runs."""
