"""PostgreSQL: the engine, the unit of work (the only commit), base classes of tables, the embedded server."""
