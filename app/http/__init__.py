"""Everything HTTP that is not a route: sessions, the current actor, problem+json, ETags, cursors, middleware."""
