"""Define the commands, one module per group. Each module's ``register`` adds its commands to the Typer app."""
