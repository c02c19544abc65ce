"""The risk of an enterprise as its supervisors see it: hazards, what came back, whistles, visits, and an explained score."""
