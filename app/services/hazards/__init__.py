"""The hazard registry: from a finding to an order with a deadline, a re-inspection and the end."""
