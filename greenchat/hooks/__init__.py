"""Plugins: the hooks, finding and loading what implements them, calling it so that it takes nothing down."""
