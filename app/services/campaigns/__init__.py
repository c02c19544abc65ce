"""Campaigns (专项行动): assignments of a region and a period under one name, how far they are, and what came back afterwards."""
