"""Enterprises: the legal parties, their contacts, their sites with operators, landlords and risk units; imports and exports."""
