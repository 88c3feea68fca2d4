"""The commands, one module for each group; ``register`` adds a module's commands to the Typer app."""
