"""Regions, authorities with their dated jurisdiction and entrustment, brigades."""
