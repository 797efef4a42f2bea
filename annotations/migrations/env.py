"""How Alembic reaches the database: it is handed an open connection, and never opens one."""

from alembic import context

from annotations.schema import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite cannot alter a table in place
)
context.run_migrations()
